"""metadata.py: the info dictionary comes together whatever peers do."""

from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filesend_tui.core.torrent.metadata import exchange
from filesend_tui.core.torrent.metadata.exchange import (
    REQUEST_TIMEOUT,
    RETRY_AFTER,
    WINDOW,
    Fetched,
    MetadataFetch,
)
from filesend_tui.core.wire.extensions import METADATA_PIECE
from filesend_tui.core.wire.shape import MAX_METADATA

INFO = random.Random(7).randbytes(3 * METADATA_PIECE + 500)
SIZE = len(INFO)
LIE = bytes(SIZE)


def fetch_of(info: bytes = INFO) -> MetadataFetch[str]:
    return MetadataFetch(hashlib.sha1(info).digest())


def piece_of(info: bytes, piece: int) -> bytes:
    return info[piece * METADATA_PIECE :][:METADATA_PIECE]


def serve(
    fetch: MetadataFetch[str], peer: str, pieces: list[int], info: bytes = INFO, now: float = 0
) -> Fetched[str]:
    """Answer requests and return what the last answer led to."""
    outcome: Fetched[str] = Fetched()
    for piece in pieces:
        outcome = fetch.received(peer, piece, piece_of(info, piece), now)
    return outcome


@pytest.mark.parametrize("size", [1, METADATA_PIECE, METADATA_PIECE + 1, SIZE])
def test_one_peer_serves_it_all(size: int) -> None:
    info = INFO[:size]
    fetch = fetch_of(info)
    fetch.peer_has("ann", size)
    pieces = fetch.ask("ann", 0)
    assert pieces == list(range(-(-size // METADATA_PIECE)))
    assert fetch.ask("ann", 0) == []
    assert serve(fetch, "ann", pieces, info).info == info


def test_a_peer_that_said_no_size_is_not_asked() -> None:
    fetch = fetch_of()
    assert fetch.ask("ann", 0) == []
    assert fetch.received("ann", 0, piece_of(INFO, 0), 0) == Fetched()


@pytest.mark.parametrize("size", [0, -1, MAX_METADATA + 1])
def test_a_size_out_of_bounds_is_a_mistake_of_ours(size: int) -> None:
    with pytest.raises(ValueError, match="bytes"):
        fetch_of().peer_has("ann", size)


def test_requests_in_flight_are_bounded() -> None:
    fetch = fetch_of()
    fetch.peer_has("ann", MAX_METADATA)
    assert fetch.ask("ann", 0) == list(range(WINDOW))
    assert fetch.ask("ann", 0) == []
    fetch.received("ann", 3, bytes(METADATA_PIECE), 0)
    assert fetch.ask("ann", 0) == [WINDOW]


def test_two_peers_share_the_work_and_the_idle_one_helps() -> None:
    fetch = fetch_of(bytes(20 * METADATA_PIECE))
    for peer in ("ann", "ben"):
        fetch.peer_has(peer, 20 * METADATA_PIECE)
    assert fetch.ask("ann", 0) == list(range(16))
    # First what nobody was asked for, then what only ann was.
    assert fetch.ask("ben", 0) == [*range(16, 20), *range(12)]
    fetch.peer_has("cat", 20 * METADATA_PIECE)
    assert fetch.ask("cat", 0) == list(range(12, 20))


def test_pieces_of_several_peers_make_one_dictionary() -> None:
    fetch = fetch_of()
    fetch.peer_has("ann", SIZE)
    fetch.peer_has("ben", SIZE)
    fetch.ask("ann", 0)
    fetch.ask("ben", 0)
    serve(fetch, "ann", [0, 2])
    assert fetch.received("ann", 0, piece_of(LIE, 0), 0) == Fetched()  # again: thrown away
    assert serve(fetch, "ben", [1, 3]).info == INFO


def test_what_was_not_asked_or_has_the_wrong_length_does_not_count() -> None:
    fetch = fetch_of()
    fetch.peer_has("ann", SIZE)
    fetch.peer_has("ben", SIZE)
    fetch.ask("ann", 0)
    assert fetch.received("ann", 9, b"x", 0) == Fetched()
    assert fetch.received("ann", 0, b"short", 0) == Fetched()
    assert serve(fetch, "ben", [0, 1, 2, 3]) == Fetched()
    assert serve(fetch, "ann", [0, 1, 2, 3]).info == INFO


def test_a_refused_piece_is_asked_of_another_and_later_of_the_same() -> None:
    fetch = fetch_of()
    fetch.peer_has("ann", SIZE)
    fetch.ask("ann", 0)
    fetch.rejected("ann", 2, 0)
    fetch.rejected("ann", 2, 0)
    assert fetch.ask("ann", RETRY_AFTER - 0.1) == []
    fetch.peer_has("ben", SIZE)
    assert fetch.ask("ben", 0)[0] == 2
    assert fetch.ask("ann", RETRY_AFTER) == [2]


def test_a_peer_that_says_again_that_it_has_it_is_asked_at_once() -> None:
    fetch = fetch_of()
    fetch.peer_has("ann", SIZE)
    for piece in fetch.ask("ann", 0):
        fetch.rejected("ann", piece, 0)
    assert fetch.ask("ann", 0) == []
    fetch.peer_has("ann", SIZE)
    assert fetch.ask("ann", 0) == [0, 1, 2, 3]


def test_a_request_that_is_not_answered_is_asked_again() -> None:
    fetch = fetch_of()
    fetch.peer_has("ann", SIZE)
    fetch.ask("ann", 0)
    serve(fetch, "ann", [0])
    assert fetch.ask("ann", REQUEST_TIMEOUT - 0.1) == []
    assert fetch.ask("ann", REQUEST_TIMEOUT) == [1, 2, 3]


def test_what_was_asked_of_a_peer_that_left_is_asked_of_another() -> None:
    fetch = fetch_of()
    fetch.peer_has("ann", SIZE)
    fetch.ask("ann", 0)
    serve(fetch, "ann", [1])
    fetch.peer_has("ben", SIZE)
    fetch.peer_has("cat", SIZE)
    fetch.ask("ben", 0)
    assert fetch.ask("cat", 0) == []
    fetch.peer_left("ann")
    pieces = fetch.ask("cat", 0)
    assert pieces == [0, 2, 3]
    assert serve(fetch, "cat", pieces).info == INFO


def test_a_lone_liar_is_known_and_not_asked_again() -> None:
    fetch = fetch_of()
    fetch.peer_has("liar", SIZE)
    outcome = serve(fetch, "liar", fetch.ask("liar", 0), LIE)
    assert outcome == Fetched(culprits=("liar",))
    fetch.peer_has("liar", SIZE)
    assert fetch.ask("liar", 0) == []
    fetch.peer_has("ann", SIZE)
    assert serve(fetch, "ann", fetch.ask("ann", 0)).info == INFO


@pytest.mark.parametrize("liar_first", [True, False])
def test_a_liar_in_a_mixture_is_found_by_asking_one_at_a_time(liar_first: bool) -> None:
    fetch = fetch_of()
    first, second = ("liar", "ann") if liar_first else ("ann", "liar")
    truth = {"liar": LIE, "ann": INFO}
    for peer in (first, second):
        fetch.peer_has(peer, SIZE)
        fetch.ask(peer, 0)
    serve(fetch, first, [0, 1], truth[first])
    assert serve(fetch, second, [2, 3], truth[second]) == Fetched()
    assert fetch.ask(second, 0) == []
    outcome = serve(fetch, first, fetch.ask(first, 0), truth[first])
    if not liar_first:
        assert outcome.info == INFO
        return
    assert outcome.culprits == ("liar",)
    assert serve(fetch, "ann", fetch.ask("ann", 0)).info == INFO


def mixture(fetch: MetadataFetch[str]) -> None:
    """Two peers' pieces together proved bad: ann alone is asked now."""
    for peer in ("ann", "ben"):
        fetch.peer_has(peer, SIZE)
        fetch.ask(peer, 0)
    serve(fetch, "ann", [0], LIE)
    serve(fetch, "ben", [1, 2, 3])
    assert fetch.ask("ben", 0) == []


def test_a_sole_peer_that_falls_silent_is_passed() -> None:
    fetch = fetch_of()
    mixture(fetch)
    assert fetch.ask("ann", 0) == [0, 1, 2, 3]
    pieces = fetch.ask("ben", REQUEST_TIMEOUT)
    assert fetch.ask("ann", REQUEST_TIMEOUT) == []
    assert serve(fetch, "ben", pieces, now=REQUEST_TIMEOUT).info == INFO


def test_a_sole_peer_that_refuses_is_passed() -> None:
    fetch = fetch_of()
    mixture(fetch)
    fetch.ask("ann", 0)
    fetch.rejected("ann", 0, 0)
    assert serve(fetch, "ben", fetch.ask("ben", 0)).info == INFO


def test_a_sole_peer_that_leaves_is_passed() -> None:
    fetch = fetch_of()
    mixture(fetch)
    fetch.peer_left("ann")
    assert serve(fetch, "ben", fetch.ask("ben", 0)).info == INFO


def test_sizes_are_tried_side_by_side() -> None:
    fetch = fetch_of()
    fetch.peer_has("liar", SIZE - 1)
    fetch.peer_has("ann", SIZE)
    assert fetch.ask("liar", 0)
    assert serve(fetch, "ann", fetch.ask("ann", 0)).info == INFO


def test_any_number_of_silent_liars_keeps_no_honest_size_out() -> None:
    fetch = fetch_of()
    for number in range(1, 100):
        fetch.peer_has(f"liar{number}", SIZE + number)
        assert fetch.ask(f"liar{number}", 0)
    fetch.peer_has("ann", SIZE)
    assert serve(fetch, "ann", fetch.ask("ann", 0)).info == INFO


def test_what_is_held_is_bounded_and_who_gets_nowhere_makes_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exchange, "MOST_HELD", 4 * METADATA_PIECE)
    fetch = fetch_of()
    for now, liar in enumerate(["first", "second"]):
        fetch.peer_has(liar, SIZE + 1 + now)
        assert fetch.ask(liar, now) == [0, 1, 2, 3]
        serve(fetch, liar, [0, 1], LIE, now=now)
    fetch.peer_has("ann", SIZE)
    pieces = fetch.ask("ann", 2)
    serve(fetch, "ann", pieces[:2], now=2)
    assert fetch.ask("first", 3) == [0, 1, 2, 3], "it starts over"
    assert fetch.ask("second", 3) == [], "it goes on"
    assert serve(fetch, "ann", pieces[2:], now=3).info == INFO


def test_who_lied_in_a_mixture_is_known_once_the_truth_is() -> None:
    fetch = fetch_of()
    for peer in ("ann", "liar"):
        fetch.peer_has(peer, SIZE)
        fetch.ask(peer, 0)
    serve(fetch, "ann", [0, 1, 3])
    serve(fetch, "liar", [2], LIE)
    outcome = serve(fetch, "ann", fetch.ask("ann", 0))
    assert outcome == Fetched(info=INFO, culprits=("liar",))


def test_a_peer_may_change_its_mind_about_the_size() -> None:
    fetch = fetch_of()
    fetch.peer_has("ann", SIZE + 1)
    fetch.ask("ann", 0)
    fetch.peer_has("ann", SIZE)
    assert serve(fetch, "ann", fetch.ask("ann", 0)).info == INFO


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 3), st.integers(0, 3))
def test_one_honest_peer_is_enough(seed: int, liars: int, silent: int) -> None:
    rng = random.Random(seed)
    fetch = fetch_of()
    names = ["ann", *(f"liar{n}" for n in range(liars)), *(f"silent{n}" for n in range(silent))]
    rng.shuffle(names)
    waiting: list[tuple[str, int]] = []
    for name in names:
        fetch.peer_has(name, SIZE)
    for now in range(400):
        for name in rng.sample(names, len(names)):
            waiting += [(name, piece) for piece in fetch.ask(name, now)]
        rng.shuffle(waiting)
        answered, waiting = waiting[:3], waiting[3:]
        for name, piece in answered:
            if name.startswith("silent"):
                continue
            if rng.random() < 0.1:
                fetch.rejected(name, piece, now)
                continue
            info = INFO if name == "ann" else LIE
            outcome = fetch.received(name, piece, piece_of(info, piece), now)
            if outcome.info is not None:
                assert outcome.info == INFO
                return
            for culprit in outcome.culprits:
                assert culprit.startswith("liar")
                names.remove(culprit)
                fetch.peer_left(culprit)
    pytest.fail("the dictionary never came")
