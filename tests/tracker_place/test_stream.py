"""Words cut into parts, over a line that loses, repeats and reorders as it likes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.tracker_place.parts import PART, Kind, Part, cut, joined, packed, unpacked
from filesend_tui.core.tracker_place.stream import (
    MAX_WORDS,
    WINDOW,
    Incoming,
    Outgoing,
    TooMuch,
)
from relay.protocol.words import MAX_FRAME


@given(
    sizes=st.lists(st.sampled_from([0, 1, 100, PART - 8, PART, 3 * PART + 1]), max_size=12),
    seed=st.integers(0, 2**32),
)
def test_every_word_comes_once_and_in_order_whatever_the_line_does(
    sizes: list[int], seed: int
) -> None:
    rng = random.Random(seed)
    outgoing, incoming = Outgoing(), Incoming()
    said = [("message", rng.randbytes(size)) for size in sizes]
    heard: list[object] = []
    taken: list[int] = []
    for number, (event, body) in enumerate(said):
        outgoing.say(event, body, lambda number=number: taken.append(number))  # type: ignore[misc]
    line: list[Part] = []
    while not outgoing.is_idle:
        while (sending := outgoing.next(0.0)) is not None:
            line.append(sending.part)
        assert len(outgoing.sending) <= WINDOW
        line += [sending.part for sending in outgoing.sending.values()]  # sent again
        rng.shuffle(line)
        for _ in range(rng.randint(1, 4)):
            part = line[0] if rng.random() < 0.3 else line.pop(0)  # repeated, or once
            if rng.random() < 0.5 and incoming.take(part):
                heard += incoming.words()
                if rng.random() < 0.7:
                    outgoing.answered(part.number)
                assert len(taken) <= len(heard)  # what counts as taken was
            if not line:
                break
    assert heard == said
    assert taken == list(range(len(said)))


def test_signs_and_goodbyes_pass_between_the_parts_of_a_word() -> None:
    outgoing, incoming = Outgoing(), Incoming()
    outgoing.say("hello", bytes(PART), lambda: None)
    first = outgoing.next(0.0)
    outgoing.sign(Kind.PRESENT)
    outgoing.sign(Kind.LEFT)
    parts = [first, *(outgoing.next(0.0) for _ in range(3))]
    for sending in parts[:3]:
        assert sending is not None
        assert incoming.take(sending.part)
    assert list(incoming.words()) == [Kind.LEFT]


def test_what_is_too_far_ahead_or_has_no_number_is_not_kept() -> None:
    incoming = Incoming()
    assert not incoming.take(Part(WINDOW + 1, Kind.LAST))
    assert not incoming.take(Part(0, Kind.LAST))
    assert incoming.take(Part(WINDOW, Kind.LAST))
    assert list(incoming.words()) == []


def test_a_word_without_end_is_not_kept() -> None:
    incoming = Incoming()
    ends: list[object] = []
    for number in range(1, MAX_FRAME // PART + 3):
        incoming.take(Part(number, Kind.MORE, bytes(PART)))
        ends += incoming.words()
    assert ends == [None]


def test_what_waits_is_bounded() -> None:
    outgoing = Outgoing()
    with pytest.raises(TooMuch):
        outgoing.say("message", bytes(MAX_FRAME), lambda: None)
    for _ in range(MAX_WORDS):
        outgoing.say("message", b"", lambda: None)
    with pytest.raises(TooMuch):
        outgoing.say("message", b"", lambda: None)


@given(st.text("abcXYZ", min_size=1, max_size=20), st.binary(max_size=3 * PART))
def test_a_word_is_what_its_parts_are_together(event: str, body: bytes) -> None:
    kinds, datas = zip(*cut(event, body), strict=True)
    assert kinds == (Kind.MORE,) * (len(kinds) - 1) + (Kind.LAST,)
    assert joined(b"".join(datas)) == (event, body)
    for data in datas:
        part = Part(7, Kind.MORE, data)
        assert unpacked(packed(part)) == part


@pytest.mark.parametrize("content", [b"", b"\0\0\0\1", b"\0\0\0\1\xff", bytes(6 + PART)])
def test_what_is_no_part(content: bytes) -> None:
    assert unpacked(content) is None


@pytest.mark.parametrize("word", [b"", b"hello", "grün\0x".encode()])
def test_what_is_no_word(word: bytes) -> None:
    assert joined(word) is None
