"""records.py: what protects the bytes in a pipe where one side is a browser."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.transports.relayed.records import (
    MAX_CONTENT,
    BadRecord,
    Opening,
    Sealing,
    agree,
    new_key,
    public,
)
from tools.vectors import FOLDER

PIPE = bytes(range(16))


def both() -> tuple[tuple[Sealing, Opening], tuple[Sealing, Opening]]:
    """Both ends: whoever offered, and whoever answered."""
    ours, theirs = new_key(), new_key()
    return (
        agree(ours, public(theirs), PIPE, offered=True),
        agree(theirs, public(ours), PIPE, offered=False),
    )


@given(
    contents=st.lists(st.binary(min_size=1, max_size=200), max_size=6),
    cuts=st.lists(st.integers(0, 2_000), max_size=8),
)
def test_they_open_however_they_are_cut(contents: list[bytes], cuts: list[int]) -> None:
    (sealing, _), (_, opening) = both()
    stream = b"".join(map(sealing.seal, contents)) + sealing.seal(b"")
    parts = (stream[start:end] for start, end in pairwise(sorted({0, *cuts, len(stream)})))
    assert b"".join(map(opening.open, parts)) == b"".join(contents)
    assert opening.ended


@pytest.mark.parametrize("length", [1, MAX_CONTENT, MAX_CONTENT + 1, 3 * MAX_CONTENT])
def test_content_of_any_length(length: int) -> None:
    for (sealing, _), (_, opening) in (both(), both()[::-1]):
        content = bytes(length)
        assert opening.open(sealing.seal(memoryview(content))) == content
        assert not opening.ended


@pytest.mark.parametrize(
    "what", ["changed", "left out", "repeated", "in another order", "a length", "what follows"]
)
def test_what_is_not_as_it_was_sent_does_not_open(what: str) -> None:
    (sealing, _), (_, opening) = both()
    one, two = sealing.seal(b"one"), sealing.seal(b"two!")
    stream = {
        "changed": one[:5] + bytes([one[5] ^ 1]) + one[6:],
        "left out": two,
        "repeated": one + one,
        "in another order": two + one,
        "a length": bytes([0, 20]) + one[2:] + bytes(1),
        "what follows": one + two + sealing.seal(b"") + b"x",
    }[what]
    with pytest.raises(BadRecord):
        opening.open(stream)


@pytest.mark.parametrize("length", [0, 15, MAX_CONTENT + 17, 65_535])
def test_a_length_that_no_record_has(length: int) -> None:
    _, (_, opening) = both()
    with pytest.raises(BadRecord):
        opening.open(length.to_bytes(2))


def test_a_direction_opens_nothing_of_the_other() -> None:
    (sealing, opening), _ = both()
    with pytest.raises(BadRecord):
        opening.open(sealing.seal(b"reflected"))


def test_another_pipe_of_the_same_keys_is_another() -> None:
    ours, theirs = new_key(), new_key()
    sealing, _ = agree(ours, public(theirs), PIPE, offered=True)
    _, opening = agree(theirs, public(ours), bytes(16), offered=False)
    with pytest.raises(BadRecord):
        opening.open(sealing.seal(b"elsewhere"))


@pytest.mark.parametrize("key", [bytes(32), b"\1" + bytes(31), bytes(31), b""])
def test_a_key_that_is_none(key: bytes) -> None:
    with pytest.raises(BadRecord):
        agree(new_key(), key, PIPE, offered=True)


def test_they_are_those_of_the_vectors() -> None:
    (page,) = json.loads((FOLDER / "pipes.json").read_text())["vectors"]
    keys = {
        side: X25519PrivateKey.from_private_bytes(bytes.fromhex(page[side]["private"]))
        for side in ("offered", "answered")
    }
    for side, other in (("offered", "answered"), ("answered", "offered")):
        assert public(keys[side]).hex() == page[side]["public"]
        sealing, _ = agree(
            keys[side],
            public(keys[other]),
            bytes.fromhex(page["pipe"]),
            offered=side == "offered",
        )
        for record in page[side]["records"]:
            assert sealing.seal(bytes.fromhex(record["content"])).hex() == record["sealed"]
