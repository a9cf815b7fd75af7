from __future__ import annotations

import random
from collections import Counter, defaultdict

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from filesend_tui.core.torrent.pieces.duplicate_requests import (
    HEAD_BLOCKS,
    IDLE_REQUESTS,
    MAX_ASKERS,
    PEER_SHARE,
)
from filesend_tui.core.torrent.pieces.picker import HELD_BYTES, MIN_PARTIAL, PiecePicker
from filesend_tui.core.wire.shape import BLOCK, BlockRequest, TorrentShape


def shape_of(pieces: int, blocks: int = 2, tail: int = 0) -> TorrentShape:
    """`pieces` whole pieces of `blocks` blocks, and one more of `tail` bytes if that is not 0."""
    length = blocks * BLOCK
    return TorrentShape(pieces + bool(tail), length, pieces * length + tail)


def make_picker(shape: TorrentShape, seed: int = 1, **options) -> PiecePicker:
    return PiecePicker(shape, rng=random.Random(seed), **options)


def deliver(picker: PiecePicker, peer: str, requests: list[BlockRequest]) -> list[int]:
    """Give every block; return the pieces that became complete."""
    return [r.index for r in requests if picker.received(peer, *r).piece_complete]


def fetch_all(picker: PiecePicker, peer: str) -> list[int]:
    """Fetch from one honest peer until it has nothing more; return the order of pieces."""
    order = []
    while requests := picker.pick(peer, 3):
        for index in deliver(picker, peer, requests):
            picker.verified(index)
            order.append(index)
    return order


# -- asking


def test_what_may_be_here_is_not_asked_for_before_it_is_known() -> None:
    picker = make_picker(shape_of(4), have=[0], held=[1, 2])
    picker.peer_joined("a")
    picker.peer_has_all("a")
    assert sorted(fetch_all(picker, "a")) == [3]
    assert not picker.interesting("a")
    assert not picker.complete
    assert not picker.endgame
    assert picker.pick("a", 9) == []
    assert not picker.pick_pieces("a", 10 * BLOCK)
    assert picker.piece_verified(1)
    assert sorted(picker.have) == [0, 1, 3]
    picker.released(2)
    picker.released(2)
    picker.released(1)  # it is here: nothing changes
    assert picker.interesting("a")
    assert fetch_all(picker, "a") == [2]
    assert picker.complete


def test_what_may_be_here_and_is_not_wanted_holds_nothing_up() -> None:
    picker = make_picker(shape_of(3), wanted=[0], held=[2])
    picker.peer_joined("a")
    picker.peer_has_all("a")
    assert fetch_all(picker, "a") == [0]
    assert picker.complete


def test_what_could_not_be_stored_is_missing_again_and_nobodys_fault() -> None:
    picker = make_picker(shape_of(1))
    for peer in ("a", "b"):
        picker.peer_joined(peer)
        picker.peer_has_all(peer)
    requests = [("a", picker.pick("a", 1)[0]), ("b", picker.pick("b", 1)[0])]
    with pytest.raises(ValueError, match="not complete"):
        picker.dropped(0)
    for peer, request in requests:
        picker.received(peer, *request)
    picker.dropped(0)
    assert picker.interesting("a")
    # Nobody is on parole: both work on it again.
    assert len(picker.pick("a", 1)) == len(picker.pick("b", 1)) == 1


def test_a_torrent_without_pieces_is_complete() -> None:
    picker = make_picker(TorrentShape(0, BLOCK, 0))
    picker.peer_joined("a")
    picker.peer_has_all("a")
    assert picker.complete
    assert not picker.endgame
    assert not picker.interesting("a")
    assert picker.pick("a", 9) == []


@pytest.mark.parametrize(
    ("total", "piece_length", "lengths"),
    [
        (1, BLOCK, [1]),
        (BLOCK, BLOCK, [BLOCK]),
        (BLOCK + 1, BLOCK, [1, BLOCK]),
        (5 * BLOCK + 7, 2 * BLOCK, [7, *[BLOCK] * 5]),
        (2 * (BLOCK + 5) + 3, BLOCK + 5, [3, 5, 5, BLOCK, BLOCK]),
    ],
)
def test_asks_for_each_byte_once(total, piece_length, lengths) -> None:
    shape = TorrentShape(-(-total // piece_length), piece_length, total)
    picker = make_picker(shape)
    picker.peer_joined("a")
    picker.peer_has_all("a")
    requests = picker.pick("a", 1000)
    assert sorted(r.length for r in requests) == lengths
    assert len(set(requests)) == len(requests)
    assert sum(r.length for r in requests) == total
    assert all(r.begin + r.length <= shape.piece_size(r.index) for r in requests)
    assert list(picker.in_flight("a")) == requests


def test_fetches_everything_from_a_seeder_in_random_order() -> None:
    orders = set()
    for seed in range(5):
        picker = make_picker(shape_of(30, tail=100), seed)
        picker.peer_joined("a")
        picker.peer_has_all("a")
        order = fetch_all(picker, "a")
        assert sorted(order) == list(range(31))
        assert picker.complete
        assert list(picker.have) == list(range(31))
        assert not picker.interesting("a")
        orders.add(tuple(order))
    assert len(orders) == 5


def test_the_rarest_piece_comes_first() -> None:
    picker = make_picker(shape_of(6, blocks=1))
    for peer, pieces in {"a": range(6), "b": [0, 1, 2, 4], "c": [0, 2, 4], "d": [4]}.items():
        picker.peer_joined(peer)
        picker.peer_has(peer, pieces)
    order = [r.index for r in picker.pick("a", 6)]
    assert set(order[:2]) == {3, 5}
    assert order[2] == 1
    assert set(order[3:5]) == {0, 2}
    assert order[5] == 4


def test_rarity_follows_who_leaves() -> None:
    picker = make_picker(shape_of(2, blocks=1))
    for peer, pieces in {"a": [0, 1], "b": [0], "c": [1], "d": [1]}.items():
        picker.peer_joined(peer)
        picker.peer_has(peer, pieces)
    picker.peer_left("c")
    picker.peer_left("d")
    assert picker.pick("a", 1)[0].index == 1


def test_a_piece_announced_twice_counts_once() -> None:
    picker = make_picker(shape_of(2, blocks=1))
    picker.peer_joined("a")
    picker.peer_joined("b")
    picker.peer_has_all("a")
    for _ in range(5):
        picker.peer_has("b", [0])
    picker.peer_joined("c")
    picker.peer_has("c", [1])
    picker.peer_joined("d")
    picker.peer_has("d", [1])
    assert picker.pick("a", 1)[0].index == 0


def test_begun_pieces_are_finished_before_new_ones() -> None:
    picker = make_picker(shape_of(10, blocks=4))
    for peer in "ab":
        picker.peer_joined(peer)
        picker.peer_has_all(peer)
    first = picker.pick("a", 1)
    rest = picker.pick("b", 3)
    assert {r.index for r in rest} == {first[0].index}
    assert {r.begin for r in first + rest} == {0, BLOCK, 2 * BLOCK, 3 * BLOCK}
    assert picker.pick("b", 1)[0].index != first[0].index


def test_a_peer_finishes_the_piece_it_is_at_whatever_became_rarer() -> None:
    picker = make_picker(shape_of(10, blocks=4))
    for peer in "ab":
        picker.peer_joined(peer)
    picker.peer_has_all("a")
    (first,) = picker.pick("a", 1)
    picker.peer_has("b", [first.index])  # every other piece is rarer now
    rest = picker.pick("a", 3)
    assert {r.index for r in rest} == {first.index}
    assert picker.pick("a", 1)[0].index != first.index


def test_the_only_seeder_is_not_asked_for_the_rest_of_what_others_have() -> None:
    picker = make_picker(shape_of(3, blocks=4))
    for peer in ("seeder", "receiver"):
        picker.peer_joined(peer)
    picker.peer_has_all("seeder")
    picker.peer_has("receiver", [0])
    picker.pick("receiver", 1)
    assert {r.index for r in picker.pick("seeder", 8)} == {1, 2}
    assert {r.index for r in picker.pick("seeder", 8)} == {0}, "now nothing is rarer"


def test_where_no_more_may_begin_a_begun_piece_will_do() -> None:
    picker = make_picker(shape_of(3, blocks=4), max_partial=1)
    for peer in ("seeder", "receiver"):
        picker.peer_joined(peer)
    picker.peer_has_all("seeder")
    picker.peer_has("receiver", [0])
    picker.pick("receiver", 1)
    picker.pick("seeder", 4)  # it was idle, so one more piece began
    assert {r.index for r in picker.pick("seeder", 3)} == {0}


def test_what_is_not_wanted_is_never_asked_for() -> None:
    picker = make_picker(shape_of(8), wanted=[1, 5], have=[5, 6])
    picker.peer_joined("a")
    picker.peer_has("a", [0, 2, 5, 6])
    assert not picker.interesting("a")
    assert picker.pick("a", 9) == []
    picker.peer_has_all("a")
    assert picker.interesting("a")
    assert {r.index for r in picker.pick("a", 9)} == {1}


def test_nothing_wanted_is_complete_at_once() -> None:
    assert make_picker(shape_of(8), wanted=[]).complete
    assert make_picker(shape_of(3), wanted=[1, 2], have=[1, 2]).complete


@pytest.mark.parametrize("count", [0, -3])
def test_asking_for_nothing_gets_nothing(count) -> None:
    picker = make_picker(shape_of(1))
    picker.peer_joined("a")
    picker.peer_has_all("a")
    assert picker.pick("a", count) == []


def test_pieces_in_work_are_bounded_and_verifying_makes_room() -> None:
    picker = make_picker(shape_of(20), max_partial=3)
    picker.peer_joined("a")
    picker.peer_has_all("a")
    requests = picker.pick("a", 100)
    assert len({r.index for r in requests}) == 3
    # Complete but not verified still counts, or a slow disk would fill the memory; an idle peer
    # may begin one more.
    assert len(deliver(picker, "a", requests)) == 3
    more = picker.pick("a", 100)
    assert len({r.index for r in more}) == 1
    deliver(picker, "a", more)
    assert picker.pick("a", 100) == []
    picker.verified(requests[0].index)
    assert len({r.index for r in picker.pick("a", 100)}) == 1


def test_a_peer_that_lacks_the_pieces_in_work_is_not_left_idle() -> None:
    picker = make_picker(shape_of(6, blocks=1), max_partial=2)
    picker.peer_joined("a")
    picker.peer_joined("b")
    picker.peer_has("a", [0, 1, 2])
    picker.peer_has("b", [3, 4, 5])
    assert len(picker.pick("a", 9)) == 2
    assert len(picker.pick("b", 9)) == 1


@pytest.mark.parametrize(
    ("piece_length", "pieces"),
    [
        (BLOCK, HELD_BYTES // BLOCK),
        (1 << 20, 64),
        (16 << 20, 4),
        (256 << 20, MIN_PARTIAL),
    ],
)
def test_bytes_held_follow_from_the_piece_length(piece_length, pieces) -> None:
    picker = make_picker(TorrentShape(5000, piece_length, 5000 * piece_length))
    picker.peer_joined("a")
    picker.peer_has_all("a")
    requests = picker.pick("a", 10**6)
    assert len({r.index for r in requests}) == pieces


# -- answers


def test_a_returned_block_is_asked_of_another() -> None:
    picker = make_picker(shape_of(1, blocks=4))
    for peer in "ab":
        picker.peer_joined(peer)
        picker.peer_has_all(peer)
    requests = picker.pick("a", 4)
    picker.returned("a", requests[1:3])
    assert list(picker.in_flight("a")) == [requests[0], requests[3]]
    assert set(picker.pick("b", 2)) == set(requests[1:3])


def test_a_peer_that_leaves_frees_what_it_owed() -> None:
    picker = make_picker(shape_of(2, blocks=3))
    for peer in "ab":
        picker.peer_joined(peer)
        picker.peer_has_all(peer)
    requests = picker.pick("a", 6)
    picker.received("a", *requests[0])
    assert picker.peer_left("a") == ()
    assert picker.peer_left("a") == ()
    assert set(picker.pick("b", 9)) == set(requests[1:])


def test_a_late_block_is_used_where_it_is_missing() -> None:
    picker = make_picker(shape_of(1, blocks=3))
    for peer in "ab":
        picker.peer_joined(peer)
        picker.peer_has_all(peer)
    one, two, three = picker.pick("a", 3)
    picker.received("a", *one)
    picker.returned("a")
    assert picker.received("a", *two).accepted  # free again, and here it is
    picker.pick("b", 1)
    late = picker.received("a", *three)  # meanwhile asked of b
    assert late.piece_complete
    assert late.cancel == (("b", three),)
    assert picker.in_flight("b") == set()
    assert not picker.received("b", *three).accepted


@pytest.mark.parametrize(
    ("index", "begin", "length"),
    [(0, 0, 5), (0, 5, BLOCK), (0, BLOCK, 2 * BLOCK), (0, 8 * BLOCK, BLOCK), (9, 0, BLOCK)],
)
def test_a_block_nobody_could_have_asked_for_is_refused(index, begin, length) -> None:
    picker = make_picker(shape_of(2, blocks=3))
    picker.peer_joined("a")
    picker.peer_has_all("a")
    picker.pick("a", 6)
    assert not picker.received("a", index, begin, length).accepted
    assert len(picker.in_flight("a")) == 6


def test_a_block_of_a_piece_not_begun_is_refused() -> None:
    picker = make_picker(shape_of(2))
    picker.peer_joined("a")
    assert not picker.received("a", 0, 0, BLOCK).accepted


def test_only_complete_pieces_are_settled() -> None:
    picker = make_picker(shape_of(2))
    picker.peer_joined("a")
    picker.peer_has_all("a")
    request = picker.pick("a", 1)[0]
    for settle in (picker.verified, picker.failed):
        with pytest.raises(ValueError, match="not complete"):
            settle(request.index)


def test_strangers_and_pieces_that_do_not_exist_are_errors() -> None:
    picker = make_picker(shape_of(2))
    with pytest.raises(KeyError):
        picker.pick("nobody", 1)
    picker.peer_joined("a")
    with pytest.raises(ValueError, match="before"):
        picker.peer_joined("a")
    for index in (-1, 2):
        with pytest.raises(IndexError):
            picker.peer_has("a", [index])


# -- endgame


def test_in_endgame_an_idle_peer_is_asked_for_what_others_owe() -> None:
    picker = make_picker(shape_of(1, blocks=40))
    for peer in "abc":
        picker.peer_joined(peer)
        picker.peer_has_all(peer)
    outstanding = picker.pick("a", 39)
    assert not picker.endgame
    own = picker.pick("b", 100)
    assert picker.endgame
    assert own[0] not in outstanding
    assert len(own) == IDLE_REQUESTS
    assert set(own[1:]) <= set(outstanding)
    third = picker.pick("c", 100)
    assert len(third) == IDLE_REQUESTS
    assert not set(third) & set(own[1:]), "two peers at most owe the same block"


def test_the_first_answer_cancels_the_other() -> None:
    picker = make_picker(shape_of(1, blocks=2))
    for peer in "ab":
        picker.peer_joined(peer)
        picker.peer_has_all(peer)
    one, two = picker.pick("a", 2)
    assert set(picker.pick("b", 2)) == {one, two}
    assert picker.received("b", *one) == (True, False, (("a", one),))
    assert list(picker.in_flight("a")) == [two]
    assert not picker.received("a", *one).accepted
    assert picker.received("a", *two) == (True, True, (("b", two),))


def test_a_lone_peer_is_never_asked_twice() -> None:
    picker = make_picker(shape_of(2))
    picker.peer_joined("a")
    picker.peer_has_all("a")
    assert len(picker.pick("a", 9)) == 4
    assert picker.endgame
    assert picker.pick("a", 9) == []


# -- who sent a bad piece


def test_a_lone_contributor_is_named() -> None:
    picker = make_picker(shape_of(1))
    picker.peer_joined("a")
    picker.peer_has_all("a")
    (index,) = deliver(picker, "a", picker.pick("a", 2))
    assert picker.failed(index) == ("a",)
    assert not picker.have.has(index)
    assert len(picker.pick("a", 9)) == 2


def test_a_contributor_that_left_is_named_too() -> None:
    picker = make_picker(shape_of(1))
    for peer in "ab":
        picker.peer_joined(peer)
        picker.peer_has_all(peer)
    deliver(picker, "a", picker.pick("a", 1))
    picker.peer_left("a")
    (index,) = deliver(picker, "b", picker.pick("b", 1))
    assert picker.failed(index) == ("a", "b")


def test_suspects_fetch_whole_pieces_alone_until_cleared() -> None:
    picker = make_picker(shape_of(4, blocks=4))
    for peer in "abc":
        picker.peer_joined(peer)
        picker.peer_has_all(peer)
    deliver(picker, "a", picker.pick("a", 2))
    (index,) = deliver(picker, "b", picker.pick("b", 2))
    assert picker.failed(index) == ("a", "b")

    alone_a, alone_b, free = (picker.pick(peer, 2) for peer in "abc")
    pieces = [{r.index for r in requests} for requests in (alone_a, alone_b, free)]
    assert all(len(p) == 1 for p in pieces)
    assert len(set.union(*pieces)) == 3, "no two share a piece"

    deliver(picker, "a", alone_a)
    (cleared,) = deliver(picker, "a", picker.pick("a", 2))
    assert {cleared} == pieces[0]
    picker.verified(cleared)
    assert {r.index for r in picker.pick("a", 2)} == pieces[2], "a shares again"


def test_two_suspects_do_not_spoil_the_last_piece_together() -> None:
    picker = make_picker(shape_of(1, blocks=4))
    for peer in ("good", "bad"):
        picker.peer_joined(peer)
        picker.peer_has_all(peer)
    deliver(picker, "good", picker.pick("good", 2))
    deliver(picker, "bad", picker.pick("bad", 2))
    assert set(picker.failed(0)) == {"good", "bad"}

    deliver(picker, "bad", picker.pick("bad", 2))
    assert picker.pick("good", 9) == []
    deliver(picker, "bad", picker.pick("bad", 9))
    assert picker.failed(0) == ("bad",)


def test_a_suspect_that_chokes_does_not_hold_up_its_piece() -> None:
    picker = make_picker(shape_of(1, blocks=4))
    for peer in "ab":
        picker.peer_joined(peer)
        picker.peer_has_all(peer)
    deliver(picker, "a", picker.pick("a", 2))
    deliver(picker, "b", picker.pick("b", 2))
    picker.failed(0)
    outstanding = picker.pick("a", 2)
    picker.received("a", *outstanding[0])
    picker.returned("a")
    assert len(picker.pick("b", 9)) == 3


# -- pieces begun that nobody can finish


def test_pieces_nobody_can_finish_leave_room_for_others() -> None:
    picker = make_picker(shape_of(8), max_partial=4)
    picker.peer_joined("gone")
    picker.peer_has("gone", range(4))
    requests = picker.pick("gone", 100)
    begun = [r for r in requests if r.begin == 0]
    assert len(begun) == 4
    deliver(picker, "gone", begun)
    picker.peer_joined("here")
    picker.peer_has("here", range(4, 8))
    given_up = picker.peer_left("gone")
    assert len(given_up) == 2
    assert set(given_up) <= {0, 1, 2, 3}
    assert {r.index for r in picker.pick("here", 100)} < {4, 5, 6, 7}
    # Those kept are finished when somebody comes who can.
    picker.peer_joined("back")
    picker.peer_has("back", range(4))
    kept = {0, 1, 2, 3} - set(given_up)
    assert {(r.index, r.begin) for r in picker.pick("back", 2)} == {(i, BLOCK) for i in kept}


# -- a swarm of peers that come, choke, reject, lie and leave


class SwarmMachine(RuleBasedStateMachine):
    """The picker against a plain record of who owes and who sent what."""

    PEERS = tuple("abcd")

    @initialize(
        pieces=st.integers(1, 7),
        blocks=st.integers(1, 3),
        tail=st.integers(0, BLOCK),
        max_partial=st.integers(1, 4),
        seed=st.integers(0, 99),
        data=st.data(),
    )
    def begin(self, pieces, blocks, tail, max_partial, seed, data) -> None:
        self.shape = shape_of(pieces, blocks, min(tail, blocks * BLOCK - 1))
        every = range(self.shape.piece_count)
        self.wanted = set(data.draw(st.sets(st.sampled_from(every))))
        self.max_partial = max_partial
        self.picker = make_picker(self.shape, seed, wanted=self.wanted, max_partial=max_partial)
        self.has: dict[str, set[int]] = {}
        self.outstanding: dict[str, dict[BlockRequest, None]] = {}
        self.late: dict[str, list[BlockRequest]] = defaultdict(list)
        self.choking: set[str] = set()
        self.liars: set[str] = set()
        self.known: set[str] = set()
        self.given: Counter[str] = Counter()
        self.banned: set[str] = set()
        self.sent_by: dict[int, dict[int, tuple[str, bool]]] = defaultdict(dict)
        self.settling: list[int] = []
        self.verified: set[int] = set()
        self.most_peers = 0

    # The record's own view

    def blocks_of(self, index):
        size = self.shape.piece_size(index)
        return [
            BlockRequest(index, begin, min(BLOCK, size - begin)) for begin in range(0, size, BLOCK)
        ]

    def missing_blocks(self):
        return {
            block
            for index in self.wanted - self.verified
            for block in self.blocks_of(index)
            if block.begin not in self.sent_by.get(index, {})
        }

    def askers(self):
        return Counter(
            request for outstanding in self.outstanding.values() for request in outstanding
        )

    # What peers do

    @precondition(lambda self: len(self.has) < len(self.PEERS) - len(self.banned))
    @rule(data=st.data(), liar=st.booleans(), seeder=st.booleans())
    def join(self, data, liar, seeder) -> None:
        peer = next(p for p in self.PEERS if p not in self.has and p not in self.banned)
        self.picker.peer_joined(peer)
        every = set(range(self.shape.piece_count))
        if seeder:
            self.has[peer] = every
            self.picker.peer_has_all(peer)
        else:
            self.has[peer] = data.draw(st.sets(st.sampled_from(sorted(every))))
            self.picker.peer_has(peer, self.has[peer])
        self.outstanding[peer] = {}
        self.choking.discard(peer)
        # Who comes back is who it was: a block it left behind still counts as its own.
        if liar and peer not in self.known:
            self.liars.add(peer)
        self.known.add(peer)
        self.given[peer] = 0
        self.most_peers = max(self.most_peers, len(self.has))

    @precondition(lambda self: self.has)
    @rule(data=st.data())
    def announce(self, data) -> None:
        peer = self.draw_peer(data)
        index = data.draw(st.integers(0, self.shape.piece_count - 1))
        self.has[peer].add(index)
        self.picker.peer_has(peer, [index])

    @precondition(lambda self: self.has)
    @rule(data=st.data())
    def leave(self, data) -> None:
        self.drop(self.draw_peer(data))

    @precondition(lambda self: self.has)
    @rule(data=st.data())
    def choke(self, data) -> None:
        peer = self.draw_peer(data)
        self.choking.add(peer)
        self.late[peer].extend(self.outstanding[peer])
        self.outstanding[peer].clear()
        self.picker.returned(peer)

    @precondition(lambda self: self.choking)
    @rule(data=st.data())
    def unchoke(self, data) -> None:
        self.choking.discard(data.draw(st.sampled_from(sorted(self.choking))))

    @rule()
    def tick(self) -> None:
        self.picker.tick()

    @precondition(lambda self: any(self.outstanding.values()))
    @rule(data=st.data())
    def reject(self, data) -> None:
        peer = data.draw(
            st.sampled_from([p for p in sorted(self.outstanding) if self.outstanding[p]])
        )
        requests = data.draw(st.lists(st.sampled_from(list(self.outstanding[peer])), min_size=1))
        self.picker.returned(peer, requests)  # some perhaps twice
        for request in requests:
            self.outstanding[peer].pop(request, None)

    @precondition(lambda self: any(self.late.values()))
    @rule(data=st.data())
    def send_late(self, data) -> None:
        peer = data.draw(st.sampled_from([p for p in sorted(self.late) if self.late[p]]))
        request = self.late[peer].pop()
        if peer in self.has:
            self.take(peer, request)

    @precondition(lambda self: self.has)
    @rule(data=st.data(), count=st.integers(0, 12))
    def ask(self, data, count) -> None:
        peer = self.draw_peer(data)
        if peer not in self.choking:
            self.pick(peer, count)

    @precondition(lambda self: any(self.outstanding.values()))
    @rule(data=st.data(), count=st.integers(1, 8))
    def send(self, data, count) -> None:
        peer = data.draw(
            st.sampled_from([p for p in sorted(self.outstanding) if self.outstanding[p]])
        )
        for request in list(self.outstanding[peer])[:count]:
            if peer in self.outstanding and request in self.outstanding[peer]:
                self.take(peer, request)

    @precondition(lambda self: self.settling)
    @rule()
    def settle(self) -> None:
        index = self.settling.pop(0)
        senders = self.sent_by.pop(index)
        if any(sent_bad_data for _, sent_bad_data in senders.values()):
            named = self.picker.failed(index)
            assert sorted(named) == sorted({peer for peer, _ in senders.values()})
            if len(named) == 1:
                assert all(sent_bad_data for _, sent_bad_data in senders.values())
                self.banned.update(named)
                if named[0] in self.has:
                    self.drop(named[0])
        else:
            self.picker.verified(index)
            self.verified.add(index)

    # How the record follows

    def draw_peer(self, data):
        return data.draw(st.sampled_from(sorted(self.has)))

    def drop(self, peer) -> None:
        given_up = self.picker.peer_left(peer)
        del self.has[peer], self.outstanding[peer]
        self.choking.discard(peer)
        self.late.pop(peer, None)
        reachable = set().union(*self.has.values()) if self.has else set()
        for index in given_up:
            assert index not in reachable
            assert index not in self.settling
            self.sent_by.pop(index, None)

    def pick(self, peer, count):
        askers = self.askers()
        picked = self.picker.pick(peer, count)
        assert len(picked) <= max(0, count)
        for request in picked:
            assert request in self.blocks_of(request.index)
            assert request.index in self.has[peer] & self.wanted - self.verified
            assert request.begin not in self.sent_by.get(request.index, {})
            assert request not in self.outstanding[peer]
            self.outstanding[peer][request] = None
            if askers[request]:
                longest = max(
                    len(outstanding)
                    for other, outstanding in self.outstanding.items()
                    if other != peer
                )
                assert self.picker.endgame or longest > HEAD_BLOCKS, "a needless duplicate"
                assert len(self.outstanding[peer]) <= IDLE_REQUESTS
                rivals = [
                    other
                    for other, outstanding in self.outstanding.items()
                    if request in outstanding and PEER_SHARE * self.given[other] >= self.given[peer]
                ]
                assert len(set(rivals) - {peer}) < MAX_ASKERS
        return picked

    def take(self, peer, request) -> None:
        outstanding = request in self.outstanding[peer]
        outcome = self.picker.received(peer, *request)
        self.outstanding[peer].pop(request, None)
        here = self.sent_by.get(request.index, {})
        if outstanding:
            assert outcome.accepted
        if not outcome.accepted:
            assert outcome == (False, False, ())
            return
        self.given[peer] += 1
        assert request.index not in self.verified
        assert request.begin not in here, "accepted twice"
        self.sent_by[request.index][request.begin] = (peer, peer in self.liars)
        assert {other for other, _ in outcome.cancel} == {
            other for other, requests in self.outstanding.items() if request in requests
        }
        for other, cancelled in outcome.cancel:
            assert cancelled == request
            del self.outstanding[other][request]
            self.late[other].append(request)  # it may have been on its way
        full = BLOCK * len(self.sent_by[request.index]) >= self.shape.piece_size(request.index)
        assert outcome.piece_complete == full
        if full:
            self.settling.append(request.index)

    @invariant()
    def agrees(self) -> None:
        picker = self.picker
        for peer, outstanding in self.outstanding.items():
            assert list(picker.in_flight(peer)) == list(outstanding)
            assert picker.interesting(peer) == bool(self.has[peer] & self.wanted - self.verified)
        asked = self.askers()
        assert set(picker.have) == self.verified
        assert picker.complete == (self.verified >= self.wanted)
        everything_asked = self.missing_blocks() <= set(asked)
        assert picker.endgame == (not picker.complete and everything_asked)
        held = {index for index, blocks in self.sent_by.items() if blocks}
        begun = held | {request.index for request in asked}
        assert len(begun) <= self.max_partial + self.most_peers

    def teardown(self) -> None:
        """However it stands, honest behaviour and one more seeder bring it to the end."""
        if not hasattr(self, "picker"):
            return
        self.choking.clear()
        self.has["last"] = set(range(self.shape.piece_count))
        self.outstanding["last"] = {}
        self.picker.peer_joined("last")
        self.picker.peer_has_all("last")
        self.most_peers = max(self.most_peers, len(self.has))
        for _ in range(40 * (self.shape.piece_count + len(self.PEERS))):
            if self.picker.complete:
                break
            for peer in list(self.has):
                if peer not in self.has:
                    continue
                self.pick(peer, 4)
                for request in list(self.outstanding[peer])[:2]:
                    if request in self.outstanding[peer]:
                        self.take(peer, request)
                self.agrees()
            if self.settling:
                self.settle()
        assert self.picker.complete
        assert self.verified == self.wanted
        assert not any(self.outstanding.values())
        assert not self.settling


SwarmMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestSwarm = SwarmMachine.TestCase


# -- whole pieces


def whole(pieces: int = 40, piece_length: int = 1024 * 1024) -> PiecePicker:
    shape = TorrentShape(pieces, piece_length, pieces * piece_length)
    picker: PiecePicker[str] = PiecePicker(shape, rng=random.Random(3))
    for peer in "ab":
        picker.peer_joined(peer)
        picker.peer_has_all(peer)
    return picker


def test_runs_of_new_pieces_cover_everything_once() -> None:
    picker = whole()
    runs: list[range] = []
    while run := picker.pick_pieces("a" if len(runs) % 2 else "b", 16 * 1024 * 1024):
        runs.append(run)
    assert sorted(piece for run in runs for piece in run) == list(range(40))
    assert all(run.start % 16 == 0 for run in runs), "a row was cut"
    assert len(runs) == 3
    assert {*picker.outstanding_pieces("a"), *picker.outstanding_pieces("b")} == set(range(40))
    for run in runs:
        for piece in run:
            assert picker.piece_verified(piece)
            assert not picker.piece_verified(piece), "it was there before"
    assert picker.complete
    assert not picker.outstanding_pieces("a")


def test_a_run_is_one_piece_at_least_and_nothing_that_blocks_were_asked_of() -> None:
    picker = whole(pieces=4)
    (block, *_) = picker.pick("a", 1)
    runs = [picker.pick_pieces("b", 1) for _ in range(4)]
    assert sorted(map(len, runs)) == [0, 1, 1, 1]
    assert block.index not in {piece for run in runs for piece in run}
    # And no block of them is asked of anybody else.
    assert {request.index for request in picker.pick("a", 1000)} <= {block.index}


def test_a_run_holds_what_the_peer_has_and_what_is_wanted() -> None:
    shape = TorrentShape(64, 1024 * 1024, 64 * 1024 * 1024)
    picker: PiecePicker[str] = PiecePicker(shape, wanted=range(8, 24), rng=random.Random(1))
    picker.peer_joined("a")
    picker.peer_has("a", range(12, 40))
    got: list[int] = []
    while run := picker.pick_pieces("a", 16 * 1024 * 1024):
        got += run
    assert sorted(got) == list(range(12, 24))


def test_pieces_that_will_not_come_are_asked_of_another() -> None:
    picker = whole(pieces=8)
    run = picker.pick_pieces("a", 8 * 1024 * 1024)
    assert not picker.pick_pieces("b", 1024)
    picker.pieces_returned("a", run[:3])
    assert picker.pick_pieces("b", 8 * 1024 * 1024) == run[:3]
    picker.peer_left("a")
    assert picker.pick_pieces("b", 8 * 1024 * 1024) == run[3:]
    picker.pieces_returned("a")  # it is long gone


def test_a_piece_counts_though_it_was_returned_while_it_was_written() -> None:
    picker = whole(pieces=2)
    run = picker.pick_pieces("a", 2 * 1024 * 1024)
    picker.peer_left("a")
    assert picker.piece_verified(run[0])
    assert picker.pick_pieces("b", 8 * 1024 * 1024) == run[1:]
    assert picker.piece_verified(run[1])
    assert picker.complete
    assert not picker.outstanding_pieces("b")


def test_a_piece_that_others_send_blocks_of_is_left_to_them() -> None:
    picker = whole(pieces=1)
    picker.pick_pieces("a", 1)
    picker.pieces_returned("a")
    picker.pick("b", 1)
    assert not picker.piece_verified(0)
    assert not picker.complete


def test_from_one_who_is_alone_pieces_come_in_order() -> None:
    shape = TorrentShape(40, 1024 * 1024, 40 * 1024 * 1024)
    picker: PiecePicker[str] = PiecePicker(shape)
    picker.peer_joined("a")
    picker.peer_has_all("a")
    runs = [picker.pick_pieces("a", 16 * 1024 * 1024) for _ in range(4)]
    assert runs == [range(16), range(16, 32), range(32, 40), range(0)]


def test_postponed_pieces_are_not_begun_and_are_missing_all_the_same() -> None:
    picker = make_picker(shape_of(4, 2), 1)
    picker.peer_joined("a")
    picker.peer_has_all("a")
    picker.postpone([2, 3])
    asked = picker.pick("a", 99)
    assert {block.index for block in asked} == {0, 1}
    assert not picker.pick_pieces("a", 1024 * 1024)
    for block in asked:
        picker.received("a", *block)
    for index in (0, 1):
        picker.verified(index)
    assert picker.rests
    assert not picker.complete
    assert not picker.interesting("a")
    picker.postpone([3])
    assert picker.interesting("a")
    assert not picker.rests
    assert [block.index for block in picker.pick("a", 99)] == [2, 2]


def test_a_begun_piece_is_finished_though_it_is_postponed() -> None:
    picker = make_picker(shape_of(2, 2), 1)
    picker.peer_joined("a")
    picker.peer_has_all("a")
    (first,) = picker.pick("a", 1)
    picker.postpone([0, 1])
    assert not picker.rests
    (second,) = picker.pick("a", 99)
    assert second.index == first.index
    for block in (first, second):
        picker.received("a", *block)
    picker.verified(first.index)
    assert picker.rests


def test_whole_pieces_that_will_not_come_are_postponed_too() -> None:
    picker = whole(pieces=4)
    run = picker.pick_pieces("a", 4 * 1024 * 1024)
    picker.postpone(run)
    picker.pieces_returned("a")
    assert picker.rests
    assert not picker.pick_pieces("b", 1024 * 1024)
    picker.postpone([])
    assert list(picker.pick_pieces("b", 4 * 1024 * 1024)) == list(run)
