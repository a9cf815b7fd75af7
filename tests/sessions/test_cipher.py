"""Two sides and whoever carries their letters: what opens is what was said, and nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.errors import FileSendError, RelayTampered
from filesend_tui.core.relay_client.messages import SealedMessage
from filesend_tui.core.sessions.cipher import ChannelCipher, RoomCipher
from filesend_tui.core.sessions.envelope import BUCKET, Envelope
from filesend_tui.core.sessions.epochs import root_of
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.pairing import SharedKey
from relay.protocol.words import (
    CONTENTS,
    MAX_CONTENT,
    MAX_FILES,
    MAX_SEALED,
    Cancel,
    DownloadComplete,
    DownloadStarted,
    FileRequest,
    Hello,
    Message,
    OfferedFile,
    Word,
)

ID = "0123456789abcdef"
SHARED = SharedKey(b"k" * 32, b"t" * 32, "acrobat violin umbrella")

said: st.SearchStrategy[Word] = st.one_of(
    st.builds(Hello, name=st.text(max_size=64)),
    st.builds(Message, text=st.text(min_size=1, max_size=4000)),
    st.builds(Cancel, id=st.just(ID), reason=st.text(max_size=200)),
    st.just(DownloadStarted(id=ID)),
    st.just(DownloadComplete(id=ID)),
)


def both(joiner: SharedKey = SHARED) -> tuple[RoomCipher, RoomCipher]:
    return RoomCipher(SHARED, Side.MAKER), RoomCipher(joiner, Side.JOINER)


@given(st.lists(st.tuples(st.booleans(), said), max_size=20))
def test_both_hear_what_the_other_said(talk: list[tuple[bool, Word]]) -> None:
    sides = both()
    for speaks, word in talk:
        letter = sides[speaks].seal(Envelope(word))
        assert CONTENTS[letter.event] is type(word)
        assert sides[not speaks].open(letter).word == word


@given(st.lists(said, min_size=1, max_size=6), st.data())
def test_any_other_order_is_refused(spoken: list[Word], data: st.DataObject) -> None:
    """Dropped, repeated or moved: all before the first wrong one opens, and nothing after it."""
    ada, bob = both()
    letters = [ada.seal(Envelope(word)) for word in spoken]
    order = data.draw(st.lists(st.integers(0, len(letters) - 1), max_size=8))
    right = 0
    for place, index in enumerate(order):
        if index == place == right:
            assert bob.open(letters[index]).word == spoken[index]
            right += 1
        else:
            with pytest.raises(RelayTampered):
                bob.open(letters[index])


@given(said, st.data())
def test_any_alteration_is_refused(word: Word, data: st.DataObject) -> None:
    ada, bob = both()
    letter = ada.seal(Envelope(word))
    body = bytearray(letter.body)
    kind = data.draw(st.sampled_from(["bit", "cut", "more", "event"]))
    event = letter.event
    if kind == "bit":
        bit = data.draw(st.integers(0, len(body) * 8 - 1))
        body[bit // 8] ^= 1 << bit % 8
    elif kind == "cut":
        del body[data.draw(st.integers(0, len(body) - 1)) :]
    elif kind == "more":
        body += data.draw(st.binary(min_size=1, max_size=64))
    else:
        event = data.draw(st.sampled_from([e for e in (*CONTENTS, "pake") if e != event]))
    with pytest.raises(RelayTampered):
        bob.open(SealedMessage(event=event, body=bytes(body)))
    # And then not even the true one opens: the session is over.
    with pytest.raises(RelayTampered):
        bob.open(letter)


@given(st.sampled_from(sorted(CONTENTS)), st.binary(max_size=600))
def test_what_nobody_sealed_is_refused(event: str, body: bytes) -> None:
    with pytest.raises(RelayTampered) as refused:
        both()[1].open(SealedMessage(event=event, body=body))
    assert "another" in refused.value.hint


def test_what_one_said_does_not_come_back_to_them() -> None:
    ada, bob = both()
    letter = ada.seal(Envelope(Message(text="hello")))
    with pytest.raises(RelayTampered):
        ada.open(letter)
    assert bob.open(letter).word == Message(text="hello")


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(SHARED, key=b"K" * 32),
        dataclasses.replace(SHARED, transcript=b"T" * 32),
    ],
)
def test_nothing_opens_in_another_session(other: SharedKey) -> None:
    ada, stranger = both(other)
    with pytest.raises(RelayTampered):
        stranger.open(ada.seal(Envelope(Message(text="hello"))))


def test_two_of_one_side_do_not_understand_each_other() -> None:
    with pytest.raises(RelayTampered):
        RoomCipher(SHARED, Side.MAKER).open(
            RoomCipher(SHARED, Side.MAKER).seal(Envelope(Message(text="hello")))
        )


def test_the_same_word_never_looks_the_same() -> None:
    ada, bob = both()
    letters = [side.seal(Envelope(Message(text="hello"))) for _ in range(50) for side in (ada, bob)]
    assert len({letter.body for letter in letters}) == 100


def test_small_words_are_as_long_as_each_other() -> None:
    ada, _ = both()
    small = (Hello(name="A"), Hello(name="B" * 64), Message(text="x" * 300), DownloadStarted(id=ID))
    (length,) = {len(ada.seal(Envelope(word)).body) for word in small}
    assert length % BUCKET == 16


def test_the_largest_request_can_be_sealed_and_a_larger_one_costs_nothing() -> None:
    ada, bob = both()

    def request(letters: int) -> FileRequest:
        name = "n" * letters
        files = [OfferedFile(path=f"{name}{i:05}", size=10**15) for i in range(MAX_FILES)]
        return FileRequest(id=ID, files=files)

    largest = ada.seal(Envelope(request(370)))
    assert MAX_CONTENT * 0.95 < len(largest.body) <= MAX_SEALED
    with pytest.raises(FileSendError, match="too much"):
        ada.seal(Envelope(request(400)))
    assert bob.open(largest).word == request(370)
    assert bob.open(ada.seal(Envelope(Message(text="next")))).word == Message(text="next")


@pytest.mark.parametrize(
    "malformed",
    [
        lambda: Message(text=""),
        lambda: Message(text="x" * 4001),
        lambda: Hello(name="n" * 65),
        lambda: DownloadStarted(id="../.."),
        lambda: FileRequest(id=ID, files=[OfferedFile(path="f", size=-1)]),
    ],
)
def test_a_partner_who_keeps_to_no_bounds_is_not_listened_to(
    malformed: Callable[[], Word],
) -> None:
    ada, bob = both()
    with pytest.raises(FileSendError, match="do not understand") as refused:
        bob.open(ada.seal(Envelope(malformed())))
    assert not isinstance(refused.value, RelayTampered)
    with pytest.raises(FileSendError):
        bob.open(ada.seal(Envelope(Message(text="sorry"))))


def test_keys_do_not_show() -> None:
    ada, _ = both()
    assert "k" * 32 not in repr(ada) + repr(SHARED) + str(ada)


# --- over channels ------------------------------------------------------------------------------

ROOT = root_of(SHARED)


@given(st.lists(st.tuples(st.booleans(), said), max_size=20))
def test_channels_carry_words_in_any_order(talk: list[tuple[bool, Word]]) -> None:
    sides = ChannelCipher(ROOT, Side.MAKER), ChannelCipher(ROOT, Side.JOINER)
    spoken = [
        (speaks, envelope, sides[speaks].seal(envelope))
        for speaks, envelope in ((s, Envelope(word, n, n)) for n, (s, word) in enumerate(talk))
    ]
    for speaks, envelope, sealed in reversed(spoken):
        assert sides[not speaks].open(sealed) == envelope
        with pytest.raises(FileSendError):
            sides[speaks].open(sealed)  # it does not come back to its speaker
    assert len({sealed for _, _, sealed in spoken}) == len(talk)


@given(said, st.data())
def test_what_was_altered_on_a_channel_is_refused(word: Word, data: st.DataObject) -> None:
    ada, bob = ChannelCipher(ROOT, Side.MAKER), ChannelCipher(ROOT, Side.JOINER)
    sealed = bytearray(ada.seal(Envelope(word)))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    for wrong in (bytes(sealed), bytes(sealed[: data.draw(st.integers(0, 40))]), b""):
        with pytest.raises(FileSendError):
            bob.open(wrong)
    assert bob.open(ada.seal(Envelope(word))) == Envelope(word)


def test_the_channels_of_another_session_are_another_matter() -> None:
    other = root_of(dataclasses.replace(SHARED, key=b"K" * 32))
    sealed = ChannelCipher(ROOT, Side.MAKER).seal(Envelope(Message(text="hello")))
    with pytest.raises(FileSendError):
        ChannelCipher(other, Side.JOINER).open(sealed)
