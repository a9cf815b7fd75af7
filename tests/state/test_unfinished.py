"""state/unfinished.py: what of the journal this process can go on with."""

from __future__ import annotations

import os

from msgspec.structs import replace

from filesend_tui.core.events import Direction
from filesend_tui.state.unfinished import idle
from tests.tui.moments import BENS, left


def test_what_a_process_is_at_is_not_gone_on_with() -> None:
    first, second, third = left()
    assert idle([first, replace(second, running=True, pid=1), third]) == (first, third)


def test_of_two_sides_in_one_journal_a_process_is_one() -> None:
    """Two terminals of one person share a journal, which has both sides of their transfer."""
    sent = replace(left()[1])
    received = replace(sent, session=BENS, direction=Direction.RECEIVE, folder="/to")
    assert idle([sent, received]) == (sent,)
    here = replace(sent, running=True, pid=os.getpid())
    assert idle([here, received]) == ()
    elsewhere = replace(sent, running=True, pid=os.getppid())
    assert idle([elsewhere, received]) == (received,)
