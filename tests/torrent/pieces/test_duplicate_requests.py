"""duplicate_requests.py: what an idle peer is asked for beside the one that owes it."""

from __future__ import annotations

import random

import pytest

from filesend_tui.core.torrent.pieces.duplicate_requests import (
    HEAD_BLOCKS,
    HEAD_SHARE,
    IDLE_REQUESTS,
    SPARE_BLOCKS,
    SPARE_SHARE,
)
from filesend_tui.core.torrent.pieces.picker import PiecePicker
from filesend_tui.core.wire.shape import BLOCK, BlockRequest, TorrentShape


def picker_of(pieces: int, *peers: str, blocks: int = 1) -> PiecePicker:
    """A picker with so many pieces of so many blocks, and peers that have nothing yet."""
    shape = TorrentShape(pieces, blocks * BLOCK, pieces * blocks * BLOCK)
    picker: PiecePicker[str] = PiecePicker(shape, rng=random.Random(1))
    for peer in peers:
        picker.peer_joined(peer)
    return picker


def queue_of(picker: PiecePicker, peer: str, count: int) -> list[BlockRequest]:
    """Let the peer, which has everything, owe so many blocks; return them, oldest first."""
    picker.peer_has_all(peer)
    queue = picker.pick(peer, count)
    assert len(queue) == count
    assert not picker.endgame
    return queue


def head(outstanding: int) -> int:
    return max(HEAD_BLOCKS, outstanding // HEAD_SHARE)


@pytest.mark.parametrize("outstanding", [HEAD_BLOCKS, HEAD_BLOCKS + 3, 40])
def test_what_stands_last_in_the_queue_is_asked_of_an_idle_peer(outstanding: int) -> None:
    picker = picker_of(100, "busy", "idle")
    queue = queue_of(picker, "busy", outstanding)
    picker.peer_has("idle", [request.index for request in queue])
    doubled = picker.pick("idle", 100)
    assert doubled == queue[head(outstanding) :][::-1][:IDLE_REQUESTS]
    assert list(picker.in_flight("busy")) == queue, "it owes them still"
    if doubled:
        assert picker.received("idle", *doubled[0]).cancel == (("busy", doubled[0]),)


def test_a_peer_with_something_of_its_own_to_give_is_asked_for_that() -> None:
    picker = picker_of(100, "busy", "other")
    queue = queue_of(picker, "busy", 40)
    picker.peer_has("other", [request.index for request in queue])
    own = min(set(range(100)) - {request.index for request in queue})
    picker.peer_has("other", [own])
    assert [request.index for request in picker.pick("other", 1)] == [own]


def test_a_block_is_doubled_once() -> None:
    picker = picker_of(100, "busy", "one", "two")
    queue = queue_of(picker, "busy", 40)
    for peer in ("one", "two"):
        picker.peer_has(peer, [request.index for request in queue])
    one, two = picker.pick("one", 100), picker.pick("two", 100)
    assert len(one) == len(two) == IDLE_REQUESTS
    assert not set(one) & set(two)
    assert picker.pick("one", 100) == [], "it is idle no more"


def test_peers_whose_blocks_come_in_vain_are_left_alone() -> None:
    """As with a peer whose queue stands in its channel already, where no cancel reaches it."""
    picker = picker_of(400, "busy", "idle")
    queue = queue_of(picker, "busy", 200)
    picker.peer_has("idle", [request.index for request in queue])
    rounds = 0
    while doubled := picker.pick("idle", 1):
        picker.received("idle", *doubled[0])
        assert not picker.received("busy", *doubled[0]).accepted
        rounds += 1
    assert rounds == SPARE_BLOCKS + 1
    # With what it does deliver it earns another chance.
    for request in list(picker.in_flight("busy"))[:SPARE_SHARE]:
        picker.received("busy", *request)
    assert picker.pick("idle", 1)


def test_at_the_end_a_peer_keeps_what_it_sends_within_half_a_beat() -> None:
    picker = picker_of(40, "steady", "idle")
    for peer in ("steady", "idle"):
        picker.peer_has_all(peer)
    for request in picker.pick("steady", 10):
        picker.received("steady", *request)
    picker.tick()
    queue = picker.pick("steady", 30)
    assert picker.endgame
    assert picker.pick("idle", 100) == queue[::-1][:IDLE_REQUESTS]
    for request in queue[5:]:
        picker.received("idle", *request)
    assert picker.pick("idle", 100) == [], "five of ten a second come within half of one"
    # It falls silent: less and less is left to it.
    picker.tick()
    assert picker.pick("idle", 100) == queue[4:0:-1]
    picker.tick()
    assert picker.pick("idle", 100) == queue[:1]


def test_two_slow_peers_do_not_keep_out_a_fast_one() -> None:
    picker = picker_of(20, "slow", "slower", "fast")
    for peer in ("slow", "slower", "fast"):
        picker.peer_has_all(peer)
    (last,) = picker.pick("slow", 1)
    for request in picker.pick("fast", 19):
        picker.received("fast", *request)
    assert picker.endgame
    assert picker.pick("slower", 9) == [last]
    assert picker.pick("fast", 9) == [last]
    assert {peer for peer, _ in picker.received("fast", *last).cancel} == {"slow", "slower"}


def test_a_suspect_neither_doubles_nor_is_doubled() -> None:
    picker = picker_of(40, "a", "b", "idle", blocks=2)
    for peer in ("a", "b"):
        picker.peer_has_all(peer)
    (one,), (two,) = picker.pick("a", 1), picker.pick("b", 1)
    assert one.index == two.index
    picker.received("a", *one)
    picker.received("b", *two)
    assert set(picker.failed(one.index)) == {"a", "b"}
    alone = picker.pick("a", 40)
    picker.peer_has("idle", [request.index for request in alone])
    assert picker.pick("idle", 40) == []
    picker.peer_has("idle", range(40))
    shared = picker.pick("idle", 30)
    assert not {request.index for request in shared} & {request.index for request in alone}
    assert not set(picker.pick("b", 40)) & set(shared)
