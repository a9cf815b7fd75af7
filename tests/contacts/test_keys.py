"""What is derived from a contact's secrets: places by the hour, proofs, the secret that follows."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.contacts import keys
from filesend_tui.core.contacts.keys import EDGE, HOUR, Beginning, beginning, hours, place_secret
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.pairing import SharedKey
from filesend_tui.core.sessions.shared_secret import place_of

ROOM = SharedKey(b"k" * 32, b"t" * 32, "some words here")
OTHER_ROOM = SharedKey(b"k" * 32, b"u" * 32, "some words here")
SECRET = b"s" * 32


@given(st.floats(0, 4e9), st.floats(-EDGE, EDGE))
def test_clocks_that_differ_by_ten_minutes_have_an_hour_in_common(now: float, off: float) -> None:
    assert set(hours(now)) & set(hours(max(0.0, now + off)))


@pytest.mark.parametrize(
    ("into", "expected"),
    [
        pytest.param(0, (7, 6), id="begins"),
        pytest.param(EDGE - 1, (7, 6), id="has begun"),
        pytest.param(EDGE, (7,), id="goes on"),
        pytest.param(HOUR - EDGE - 1, (7,), id="still goes on"),
        pytest.param(HOUR - EDGE, (7, 8), id="ends"),
    ],
)
def test_the_neighbour_counts_around_the_edge_of_an_hour(
    into: int, expected: tuple[int, ...]
) -> None:
    assert hours(7 * HOUR + into) == expected


def test_no_two_hours_or_callers_or_contacts_have_a_place_in_common() -> None:
    made = [
        place_of(place_secret(meeting, caller, hour))
        for meeting, caller, hour in product((b"m" * 32, b"n" * 32), Side, range(5))
    ]
    assert len(set(made)) == len(made)


def test_a_proof_is_good_in_one_room_from_one_side_for_one_secret() -> None:
    said = keys.proof(SECRET, ROOM, Side.MAKER)
    assert keys.proves(said, SECRET, ROOM, Side.MAKER)
    assert not keys.proves(said, SECRET, OTHER_ROOM, Side.MAKER)
    assert not keys.proves(said, SECRET, ROOM, Side.JOINER)
    assert not keys.proves(said, b"z" * 32, ROOM, Side.MAKER)


def test_what_follows_needs_the_secret_and_the_room() -> None:
    made = {
        keys.following(SECRET, ROOM, 1),
        keys.following(SECRET, ROOM, 2),
        keys.following(b"z" * 32, ROOM, 1),
        keys.following(SECRET, OTHER_ROOM, 1),
        keys.following(SECRET, SharedKey(b"K" * 32, ROOM.transcript, ""), 1),
    }
    assert len(made) == 5
    assert SECRET not in made


def test_the_first_secrets_differ_and_are_never_shown() -> None:
    first = beginning(b"c" * 32)
    assert isinstance(first, Beginning)
    assert first.meeting != first.secret
    assert repr(first) == "Beginning()"
