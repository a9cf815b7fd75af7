from __future__ import annotations

import base64
import hmac
import json
import os

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.meeting.signaling import (
    MAX_NAME,
    MAX_TEXTS,
    BadSignal,
    Description,
    PlainSignaling,
    SealedSignaling,
    Signaling,
    Use,
)
from relay.protocol.tracker_json import MAX_SDP

HASH, KEY = b"h" * 20, b"k" * 32
OFFERER, ANSWERER, THIRD = b"o" * 20, b"a" * 20, b"t" * 20
SDP = "v=0\r\na=candidate:1 1 udp 1 192.0.2.7 9 typ host\r\na=fingerprint:sha-256 AB:CD\r\n"
TEXTS = {"webrtc": SDP, "direct": "192.0.2.7 port 9"}
FOR_OFFER = Use(b"1" * 20, OFFERER)
FOR_ANSWER = Use(b"1" * 20, OFFERER, ANSWERER)


def sealed() -> SealedSignaling:
    return SealedSignaling(HASH, KEY)


def test_an_open_swarm_is_known_by_its_infohash_and_hides_nothing() -> None:
    signaling: Signaling = PlainSignaling(HASH)
    assert not signaling.private
    assert signaling.rendezvous == HASH
    plain = {"type": "offer", "sdp": SDP}
    assert signaling.seal({"webrtc": SDP}, FOR_OFFER) == plain
    assert signaling.open(plain, FOR_OFFER) == {"webrtc": SDP}


def test_an_open_swarm_knows_no_transport_but_webtorrents() -> None:
    signaling = PlainSignaling(HASH)
    plain = {"type": "offer", "sdp": SDP}
    assert signaling.seal(TEXTS, FOR_OFFER) == plain
    assert signaling.open(plain | {"direct": "192.0.2.7 port 9"}, FOR_OFFER) == {"webrtc": SDP}
    for other in ({}, {"type": "answer", "sdp": SDP}, {"type": "offer"}):
        assert signaling.open(other, FOR_OFFER) == {}


def test_members_read_what_members_sealed() -> None:
    signaling: Signaling = sealed()
    assert signaling.private
    for texts in (TEXTS, {"webrtc": SDP}, {"direct": "192.0.2.7 port 9"}, {}):
        for use in (FOR_OFFER, FOR_ANSWER):
            assert sealed().open(signaling.seal(texts, use), use) == texts


def content(text: bytes) -> Description:
    """An offer in which a member sealed exactly this."""
    nonce, signaling = bytes(12), sealed()
    body = signaling._seals["offer"].encrypt(nonce, text, signaling._bound(FOR_OFFER))
    return {"type": "offer", "sdp": base64.b64encode(nonce + body).decode()}


def test_a_transport_that_nobody_here_knows_is_no_fault() -> None:
    """A newer program has more of them; what to do with a name is the race's to say."""
    seen = content(b'{"carrier-pigeon": "ring 7", "webrtc": "v=0"}   ')
    assert sealed().open(seen, FOR_OFFER) == {"carrier-pigeon": "ring 7", "webrtc": "v=0"}


BAD_CONTENT = {
    "a name twice": b'{"webrtc":"v=0","direct":"x","webrtc":"v=1"}',
    "a name twice, once escaped": b'{"webrtc":"v=0","\\u0077ebrtc":"v=1"}',
    "too many": json.dumps({str(n): "" for n in range(MAX_TEXTS + 1)}).encode(),
    "a long name": json.dumps({"x" * (MAX_NAME + 1): ""}).encode(),
    "no name": b'{"":"x"}',
    "no text": b'{"webrtc":7}',
    "more than text": b'{"webrtc":{"sdp":"v=0"}}',
    "no names": b'["v=0"]',
    "something behind it": b'{"webrtc":"v=0"} {}',
    "nothing": b"",
    "depth": b"[" * 20_000,
}


@pytest.mark.parametrize("text", BAD_CONTENT.values(), ids=BAD_CONTENT)
def test_content_that_could_be_read_two_ways_or_costs_too_much_is_refused(text: bytes) -> None:
    with pytest.raises(BadSignal):
        sealed().open(content(text), FOR_OFFER)


def test_more_transports_than_can_be_told_are_not_sealed() -> None:
    most = {str(n): "" for n in range(MAX_TEXTS)}
    assert sealed().open(sealed().seal(most, FOR_OFFER), FOR_OFFER) == most
    with pytest.raises(BadSignal):
        sealed().seal(most | {"one more": ""}, FOR_OFFER)


def test_a_tracker_sees_text_of_the_same_shape_and_nothing_of_what_is_in_it() -> None:
    seen = sealed().seal(TEXTS, FOR_OFFER)
    assert (set(seen), seen["type"]) == ({"type", "sdp"}, "offer")
    bare = base64.b64decode(seen["sdp"], validate=True)
    for secret in (b"candidate", b"192.0.2.7", b"fingerprint", HASH, KEY, OFFERER):
        assert secret not in bare
    assert seen != sealed().seal(TEXTS, FOR_OFFER), "the same offer looks new each time"


def test_the_length_tells_nothing_of_how_much_there_is_to_say() -> None:
    seen = {
        len(sealed().seal({"webrtc": "x" * length}, FOR_OFFER)["sdp"])
        for length in range(1, 2000, 50)
    }
    assert len(seen) == 1


def test_the_longest_still_passes_a_tracker_and_a_longer_one_is_refused() -> None:
    signaling, length = sealed(), 24 * 1024 - 28 - len('{"webrtc":""}')
    longest = {"webrtc": "x" * length}
    seen = signaling.seal(longest, FOR_OFFER)
    assert len(seen["sdp"]) == MAX_SDP
    assert signaling.open(seen, FOR_OFFER) == longest
    with pytest.raises(BadSignal):
        signaling.seal({"webrtc": "x" * (length + 1)}, FOR_OFFER)


def test_key_and_infohash_both_make_the_rendezvous_id_and_neither_is_in_it() -> None:
    ids = {
        SealedSignaling(*made).rendezvous
        for made in ((HASH, KEY), (b"i" * 20, KEY), (HASH, b"l" * 32))
    }
    assert len(ids) == 3
    assert all(len(each) == 20 for each in ids)
    assert HASH not in ids
    assert sealed().rendezvous == SealedSignaling(HASH, KEY).rendezvous


def hkdf(key: bytes, salt: bytes, info: bytes) -> bytes:
    """The first block of RFC 5869, by hand."""
    drawn = hmac.digest(salt, key, "sha256")
    return hmac.digest(drawn, info + b"\x01", "sha256")


def test_the_derivation_is_the_one_that_is_written_down() -> None:
    """docs/protocol.md, section 2: another program must come to the same."""
    rendezvous = hkdf(KEY, HASH, b"filesend/1 rendezvous")[:20]
    assert sealed().rendezvous == rendezvous
    for use, label, bound in (
        (FOR_OFFER, b"filesend/1 offer", b"1" * 20 + OFFERER),
        (FOR_ANSWER, b"filesend/1 answer", b"1" * 20 + OFFERER + ANSWERER),
    ):
        seen = base64.b64decode(sealed().seal(TEXTS, use)["sdp"])
        assert len(seen) == 2048
        cipher = ChaCha20Poly1305(hkdf(KEY, HASH, label))
        opened = json.loads(cipher.decrypt(seen[:12], seen[12:], rendezvous + bound))
        assert opened == TEXTS


OTHER_USES = {
    "another offer": Use(b"2" * 20, OFFERER),
    "another's offer": Use(b"1" * 20, THIRD),
    "an answer": FOR_ANSWER,
    "our own answer": Use(b"1" * 20, ANSWERER, OFFERER),
}


@pytest.mark.parametrize("use", OTHER_USES.values(), ids=OTHER_USES)
def test_an_offer_is_good_for_nothing_else(use: Use) -> None:
    seen = sealed().seal(TEXTS, FOR_OFFER) | {"type": use.kind}
    with pytest.raises(BadSignal):
        sealed().open(seen, use)


@pytest.mark.parametrize(
    "use",
    [
        Use(b"2" * 20, OFFERER, ANSWERER),
        Use(b"1" * 20, THIRD, ANSWERER),
        Use(b"1" * 20, OFFERER, THIRD),
        Use(b"1" * 20, ANSWERER, OFFERER),
        FOR_OFFER,
    ],
    ids=["another offer", "to another", "from another", "turned round", "as an offer"],
)
def test_an_answer_is_good_for_one_offer_between_two_peers(use: Use) -> None:
    seen = sealed().seal(TEXTS, FOR_ANSWER) | {"type": use.kind}
    with pytest.raises(BadSignal):
        sealed().open(seen, use)


@pytest.mark.parametrize(
    "stranger",
    [SealedSignaling(HASH, b"l" * 32), SealedSignaling(b"i" * 20, KEY)],
    ids=["another key", "another torrent"],
)
def test_another_swarm_can_neither_read_nor_be_read(stranger: SealedSignaling) -> None:
    with pytest.raises(BadSignal):
        stranger.open(sealed().seal(TEXTS, FOR_OFFER), FOR_OFFER)
    with pytest.raises(BadSignal):
        sealed().open(stranger.seal(TEXTS, FOR_OFFER), FOR_OFFER)


@given(position=st.integers(0, 2047), flip=st.integers(1, 255))
def test_one_changed_byte_spoils_it(position: int, flip: int) -> None:
    seen = bytearray(base64.b64decode(sealed().seal(TEXTS, FOR_OFFER)["sdp"]))
    seen[position] ^= flip
    changed = {"type": "offer", "sdp": base64.b64encode(seen).decode()}
    with pytest.raises(BadSignal):
        sealed().open(changed, FOR_OFFER)


@given(st.text() | st.binary().map(lambda raw: base64.b64encode(raw).decode()))
def test_garbage_is_refused_in_one_way(text: str) -> None:
    for kind, use in (("offer", FOR_OFFER), ("answer", FOR_ANSWER)):
        with pytest.raises(BadSignal):
            sealed().open({"type": kind, "sdp": text}, use)


@pytest.mark.parametrize(
    "description",
    [
        {},
        {"type": "offer"},
        {"sdp": "x"},
        {"type": "offer", "sdp": SDP},
        {"type": "offer", "sdp": "A" * 10_000_000},
    ],
    ids=["nothing", "no text", "no type", "plain", "huge"],
)
def test_what_is_not_sealed_is_refused(description: dict[str, str]) -> None:
    with pytest.raises(BadSignal):
        sealed().open(description, FOR_OFFER)


def test_ids_that_are_not_twenty_bytes_are_not_bound_to_anything() -> None:
    with pytest.raises(BadSignal):
        sealed().seal(TEXTS, Use(b"1" * 19, OFFERER + b"1"))


def test_a_short_key_is_refused_and_a_key_is_never_shown() -> None:
    with pytest.raises(ValueError, match="32 bytes") as refused:
        SealedSignaling(HASH, b"short")
    assert "short" not in str(refused.value)
    key = os.urandom(32)
    signaling = SealedSignaling(HASH, key)
    with pytest.raises(BadSignal) as failed:
        signaling.open({"type": "offer", "sdp": "AAAA" * 20}, FOR_OFFER)
    shown = repr(signaling) + repr(failed.value) + repr(failed.value.__cause__)
    assert key.hex() not in shown
    assert repr(key) not in shown
