from __future__ import annotations

import base64

import pytest

from filesend_tui.core.tracker_place.parts import PART, Kind, Part, packed
from filesend_tui.core.tracker_place.seals import (
    BUCKET,
    BadSeal,
    Use,
    number_seals,
    place_seals,
    room_seals,
)
from filesend_tui.core.tracker_place.swarm import Swarm, offer
from filesend_tui.core.tracker_place.timings import DEFAULT
from relay.protocol.tracker_json import Announce, Answer, encode

ROOM = "0123456789abcdef" * 2
ID, ADA, BOB, EVE = (bytes([each]) * 20 for each in range(4))
USE = Use(ID, (ADA, BOB))


def test_swarms_are_those_of_the_document() -> None:
    """docs/protocol.md has the derivations; another program has to come to the same."""
    assert number_seals(4711).swarm.hex() == "f4762eef139c228af5054182921d7699c1d064ce"
    assert place_seals(bytes(range(32))).swarm.hex() == "6b9c1cd5ee5d6ee8e95b92f3bbd4321fa9d8c322"
    assert room_seals(ROOM, maker=True).swarm.hex() == "ad67c8e44d23bf951039b163f24c9657e4e95742"
    assert room_seals(ROOM, maker=False).swarm == room_seals(ROOM, maker=True).swarm


def test_the_other_side_reads_what_one_sealed_and_nobody_for_another_use() -> None:
    maker, joiner = room_seals(ROOM, maker=True), room_seals(ROOM, maker=False)
    text = maker.own_offer.close(b"hello", USE)
    assert joiner.other_offer.open(text, USE) == b"hello"
    for seal in (maker.other_offer, joiner.other_answer, joiner.own_offer, place_seals(ID).offer):
        with pytest.raises(BadSeal):
            seal.open(text, USE)
    for use in (Use(EVE, (ADA, BOB)), Use(ID, (EVE, BOB)), Use(ID, (ADA, EVE)), Use(ID, (ADA,))):
        with pytest.raises(BadSeal):
            joiner.other_offer.open(text, use)


@pytest.mark.parametrize("text", ["", "====", "x" * 100_000, base64.b64encode(bytes(512)).decode()])
def test_what_nobody_sealed_is_refused(text: str) -> None:
    with pytest.raises(BadSeal):
        number_seals(4711).offer.open(text, USE)


def test_a_changed_text_is_refused() -> None:
    seal = number_seals(4711).offer
    sealed = bytearray(base64.b64decode(seal.close(b"room", USE)))
    for at in (0, 12, len(sealed) - 1):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(BadSeal):
            seal.open(base64.b64encode(changed).decode(), USE)


def test_lengths_tell_little_and_texts_never_repeat() -> None:
    seal = number_seals(4711).offer
    texts = [seal.close(bytes(size), USE) for size in (0, 1, 400, 482)]
    assert {len(base64.b64decode(text)) for text in texts} == {BUCKET}
    assert seal.close(b"", USE) != texts[0]
    assert len(base64.b64decode(seal.close(bytes(483), USE))) == 2 * BUCKET


def test_the_largest_part_fits_into_a_frame_of_16_kib() -> None:
    posted: list[Announce | Answer] = []
    escaped = bytes(20)  # which JSON writes in six characters each
    swarm = Swarm(escaped, escaped, posted.append, DEFAULT)
    largest = packed(Part(2**32 - 1, Kind.LAST, bytes(PART)))
    text = room_seals(ROOM, maker=True).own_offer.close(largest, USE)
    swarm.announce(0.0, [offer(escaped, text)])
    assert len(encode(posted[0]).encode()) < 16 * 1024


def test_no_repr_tells_an_id_or_a_key() -> None:
    seals = room_seals(ROOM, maker=True)
    assert ROOM not in repr(seals)
    assert "object at" in repr(seals.own_offer)
