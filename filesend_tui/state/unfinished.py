"""Unfinished transfers for people: what, with whom, how far. No Textual, no I/O."""

from __future__ import annotations

import os
from collections.abc import Iterable

from filesend_tui.core.events import Direction, TransferPhase, Unfinished


def idle(left: Iterable[Unfinished]) -> tuple[Unfinished, ...]:
    """Return those that this process can go on with: none is at them.

    Two people on one machine may share a journal, which then has a transfer twice. A process is one
    side of it: it goes on with the first, and another process with the other.
    """
    known = list(left)
    taken = {each.transfer for each in known if each.pid == os.getpid()}
    found = []
    for each in known:
        if not each.running and each.transfer not in taken:
            taken.add(each.transfer)
            found.append(each)
    return tuple(found)


def title(each: Unfinished) -> str:
    """Return what it is about, with the direction as an arrow."""
    return f"{'↑' if each.direction is Direction.SEND else '↓'} {each.name or 'files'}"


def who(each: Unfinished) -> str:
    """Return whom it is with, such as `to Ann`."""
    return f"{'to' if each.direction is Direction.SEND else 'from'} {each.partner}"


def how_far(each: Unfinished) -> str:
    """Return where it stands, in a few words."""
    if each.running:
        return "under way now"
    if each.phase is TransferPhase.ASKED:
        sending = each.direction is Direction.SEND
        return f"{each.partner} has not answered" if sending else "you have not answered"
    return "interrupted"
