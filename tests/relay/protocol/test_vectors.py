"""The test vectors for other languages, held against the code: what the files say is what it does.

Keys and ciphers are taken apart here as another language would do it: by the derivations that
docs/protocol.md names, from the values of the file. The code that made a file is not asked again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib.resources
import json
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from spake2.spake2 import DefaultParams

from filesend_tui.core.errors import InvalidCode
from filesend_tui.core.meeting.signaling import BadSignal, SealedSignaling, Use
from filesend_tui.core.relay_client.messages import SealedMessage
from filesend_tui.core.sessions.cipher import RoomCipher
from filesend_tui.core.sessions.code import parse_code, word_list
from filesend_tui.core.sessions.envelope import Envelope
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.pairing import Pairing, PairingState, SharedKey
from filesend_tui.core.sessions.shared_secret import Secret, place_of
from relay.protocol import words
from relay.protocol.words import Commit, Confirm, Pake, Reveal
from tools.vectors import FOLDER, draws, fixed_nonces, pages

SHIPPED = importlib.resources.files("relay.protocol").joinpath("vectors")


def read(name: str) -> dict[str, Any]:
    page: dict[str, Any] = json.loads(SHIPPED.joinpath(name).read_text(encoding="utf-8"))
    return page


def vectors(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(name)["vectors"]
    assert found
    return found


def raw(text: str) -> bytes:
    return bytes.fromhex(text)


def hkdf(key: bytes, salt: bytes | None, info: bytes, length: int = 32) -> bytes:
    return HKDF(SHA256(), length, salt=salt, info=info).derive(key)


def mac(key: str, content: bytes) -> str:
    return hmac.digest(raw(key), content, "sha256").hex()


@pytest.mark.parametrize("name", pages())
def test_they_are_current(name: str) -> None:
    told = (FOLDER / name).read_text(encoding="utf-8")
    assert told == pages()[name], "run python -m tools.vectors"


def test_nothing_else_stands_beside_them() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(pages())


# --- codes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", vectors("codes.json"), ids=lambda vector: vector["typed"])
def test_what_is_typed_is_that_code(vector: dict[str, Any]) -> None:
    code = parse_code(vector["typed"])
    assert code.nameplate == vector["nameplate"]
    assert list(code.words) == vector["words"]
    assert code.text == vector["text"]


@pytest.mark.parametrize("typed", read("codes.json")["refused"])
def test_what_is_typed_is_no_code(typed: str) -> None:
    with pytest.raises(InvalidCode):
        parse_code(typed)


def test_the_words_are_those() -> None:
    told = read("codes.json")["words"]
    assert [len(word_list()), word_list()[0], word_list()[-1]] == [
        told["count"], told["first"], told["last"],
    ]  # fmt: skip
    assert hashlib.sha256("\n".join(word_list()).encode()).hexdigest() == told["sha256"]


# --- pairing ------------------------------------------------------------------------------------

PAIRINGS = [*vectors("pairing-code.json"), *vectors("pairing-secret.json")]


def pairing(vector: dict[str, Any], side: Side) -> Pairing:
    secret = vector.get("secret")
    drawn = (raw(vector[side]["nonce"]), raw(vector[side]["random"]))
    introduction = Secret(raw(secret)) if secret else parse_code(vector["code"])
    return Pairing(introduction, side, draws(*drawn))


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("vector", PAIRINGS)
def test_each_side_says_that_and_has_those_keys(vector: dict[str, Any], side: Side) -> None:
    own, other = vector[side], vector[side.other]
    here = pairing(vector, side)
    assert here.start() == (Pake(body=raw(own["pake"])),)
    assert here.receive(Pake(body=raw(other["pake"]))) == (
        Confirm(body=raw(own["confirm"])),
        Commit(body=raw(own["commit"])),
    )
    assert here.receive(Confirm(body=raw(other["confirm"]))) == ()
    assert here.receive(Commit(body=raw(other["commit"]))) == (Reveal(body=raw(own["reveal"])),)
    assert here.receive(Reveal(body=raw(other["reveal"]))) == ()
    assert here.state is PairingState.PAIRED
    shared = here.shared_key
    assert shared.key.hex() == vector["keys"]["session"]
    assert shared.transcript.hex() == vector["transcript"]
    assert shared.verification == vector["verification"]


@pytest.mark.parametrize("vector", PAIRINGS)
def test_the_keys_come_as_the_protocol_says(vector: dict[str, Any]) -> None:
    said = raw(vector["maker"]["pake"]) + raw(vector["joiner"]["pake"])
    transcript = hashlib.sha256(raw(vector["context"]) + said).digest()
    assert transcript.hex() == vector["transcript"]
    agreed = raw(vector.get("spakeKey") or vector["agreed"])
    for label, key in vector["keys"].items():
        assert hkdf(agreed, transcript, b"filesend/pairing/2/" + label.encode()).hex() == key
    for side in Side:
        keys, own = vector["keys"], vector[side]
        assert own["reveal"] == own["nonce"]
        assert own["confirm"] == mac(keys[f"confirm/{side}"], transcript)
        assert own["commit"] == mac(keys[f"commit/{side}"], transcript + raw(own["nonce"]))
    nonces = raw(vector["maker"]["nonce"]) + raw(vector["joiner"]["nonce"])
    drawn = hkdf(agreed, transcript, b"filesend/pairing/2/verification/" + nonces, 16)
    assert drawn.hex() == vector["verificationBytes"]
    number, listed = int.from_bytes(drawn), word_list()
    indices = [number // len(listed) ** place % len(listed) for place in range(3)]
    assert " ".join(listed[index] for index in indices) == vector["verification"]


@pytest.mark.parametrize("vector", vectors("pairing-code.json"))
def test_spake2_goes_as_the_vector_says(vector: dict[str, Any]) -> None:
    page, group = read("pairing-code.json"), DefaultParams.group
    assert DefaultParams.M.to_bytes().hex() == page["pointM"]
    assert DefaultParams.N.to_bytes().hex() == page["pointN"]
    code = vector["code"].encode()
    assert raw(vector["context"]) == raw(page["appId"]) + vector["nameplate"].to_bytes(4)
    password = int.from_bytes(hkdf(code, None, b"SPAKE2 pw", 48)) % group.order()
    assert password == int.from_bytes(raw(vector["passwordScalar"]), "little")
    blinding = {Side.MAKER: DefaultParams.M, Side.JOINER: DefaultParams.N}
    for side, mark in ((Side.MAKER, b"A"), (Side.JOINER, b"B")):
        own, other = vector[side], vector[side.other]
        scalar = int.from_bytes(raw(own["random"])) % group.order()
        assert scalar == int.from_bytes(raw(own["scalar"]), "little")
        point = group.Base.scalarmult(scalar).add(blinding[side].scalarmult(password))
        assert raw(own["pake"]) == mark + point.to_bytes()
        theirs = group.bytes_to_element(raw(other["pake"])[1:])
        unblinded = theirs.add(blinding[side.other].scalarmult(-password))
        assert unblinded.scalarmult(scalar).to_bytes().hex() == vector["sharedPoint"]
    hashes = b"".join(
        hashlib.sha256(part).digest() for part in (code, raw(page["idA"]), raw(page["idB"]))
    )
    points = (vector["maker"]["pake"][2:], vector["joiner"]["pake"][2:], vector["sharedPoint"])
    assert hashlib.sha256(hashes + raw("".join(points))).hexdigest() == vector["spakeKey"]


@pytest.mark.parametrize("vector", vectors("pairing-secret.json"))
def test_x25519_goes_as_the_vector_says(vector: dict[str, Any]) -> None:
    app_id, secret = raw(read("pairing-secret.json")["appId"]), raw(vector["secret"])
    place = hkdf(secret, None, b"filesend/place/1")
    assert place == place_of(Secret(secret)) == raw(vector["place"])
    assert raw(vector["context"]) == app_id + b"/secret" + place
    for side, mark in ((Side.MAKER, b"M"), (Side.JOINER, b"J")):
        own = X25519PrivateKey.from_private_bytes(raw(vector[side]["random"]))
        assert raw(vector[side]["pake"]) == mark + own.public_key().public_bytes_raw()
        other = X25519PublicKey.from_public_bytes(raw(vector[side.other]["pake"])[1:])
        assert hkdf(own.exchange(other), secret, app_id + b"/secret").hex() == vector["agreed"]


# --- sealed words -------------------------------------------------------------------------------


def session(vector: dict[str, Any]) -> SharedKey:
    return SharedKey(raw(vector["session"]), raw(vector["transcript"]), "")


@pytest.mark.parametrize("vector", vectors("sealing.json"))
def test_words_are_sealed_and_opened_so(vector: dict[str, Any]) -> None:
    ciphers = {side: RoomCipher(session(vector), side) for side in Side}
    for said in vector["words"]:
        speaker = Side(said["speaker"])
        content = words.CONTENTS[said["event"]]
        word = msgspec.json.decode(said["content"], type=content)
        sealed = SealedMessage(event=said["event"], body=raw(said["body"]))
        envelope = Envelope(word, said["number"], said["taken"])
        assert ciphers[speaker].seal(envelope) == sealed
        assert ciphers[speaker.other].open(sealed) == envelope
        assert words.ROUTES[said["event"]].delivered_as == said["deliveredAs"]


@pytest.mark.parametrize("vector", vectors("sealing.json"))
def test_sealing_goes_as_the_protocol_says(vector: dict[str, Any]) -> None:
    transcript, heard = raw(vector["transcript"]), set()
    keys = {
        side: hkdf(raw(vector["session"]), transcript, b"filesend/sealing/2/" + side.encode())
        for side in Side
    }
    assert {side.value: key.hex() for side, key in keys.items()} == vector["keys"]
    counts = dict.fromkeys(Side, 0)
    for said in vector["words"]:
        speaker, event = Side(said["speaker"]), said["event"].encode()
        assert said["count"] == counts[speaker]
        nonce = said["count"].to_bytes(12)
        direction = bytes([speaker is Side.JOINER])
        bound = b"filesend/sealing/2" + transcript + direction + nonce + event
        content = AESGCM(keys[speaker]).decrypt(nonce, raw(said["body"]), bound)
        numbers = said["number"].to_bytes(8) + said["taken"].to_bytes(8)
        assert content == (numbers + said["content"].encode()).ljust(said["paddedLength"])
        assert len(content) % 512 == 0
        counts[speaker] += 1
        heard.add(said["event"])
    assert heard == set(words.CONTENTS)
    assert min(counts.values()) > 2
    assert {said["paddedLength"] for said in vector["words"]} == {512, 1024}


# --- what a tracker sees ------------------------------------------------------------------------


def use(described: dict[str, Any]) -> Use:
    return Use(*(raw(described[part]) for part in ("offerId", "offerer", "answerer")))


@pytest.mark.parametrize("vector", vectors("signaling.json"))
def test_descriptions_are_sealed_and_opened_so(vector: dict[str, Any]) -> None:
    swarm = SealedSignaling(raw(vector["infoHash"]), raw(vector["swarmKey"]))
    assert swarm.rendezvous.hex() == vector["rendezvous"]
    for described in vector["descriptions"]:
        with fixed_nonces(raw(described["nonce"])):
            assert swarm.seal(described["texts"], use(described)) == described["sealed"]
        assert swarm.open(described["sealed"], use(described)) == described["texts"]
        with pytest.raises(BadSignal):
            swarm.open(described["sealed"], use(described | {"offerId": "00" * 20}))


@pytest.mark.parametrize("vector", vectors("signaling.json"))
def test_signaling_goes_as_the_protocol_says(vector: dict[str, Any]) -> None:
    key, salt = raw(vector["swarmKey"]), raw(vector["infoHash"])
    rendezvous = hkdf(key, salt, b"filesend/1 rendezvous", 20)
    assert rendezvous.hex() == vector["rendezvous"]
    for kind, told in vector["keys"].items():
        assert hkdf(key, salt, b"filesend/1 " + kind.encode()).hex() == told
    for described in vector["descriptions"]:
        kind = described["sealed"]["type"]
        whole = base64.b64decode(described["sealed"]["sdp"], validate=True)
        assert len(whole) % 2048 == 0
        assert whole[:12].hex() == described["nonce"]
        ids = raw(described["offerId"] + described["offerer"] + described["answerer"])
        cipher = ChaCha20Poly1305(raw(vector["keys"][kind]))
        content = cipher.decrypt(whole[:12], whole[12:], rendezvous + ids)
        assert json.loads(content) == described["texts"]
