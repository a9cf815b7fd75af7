"""Going on with what is unfinished: what of it, and at which relay. For all faces.

How a session comes back and a transfer goes on is core/resume's; what a person is asked or told is
the face's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from filesend_tui.core.errors import FileSendError
from filesend_tui.core.events import (
    Direction,
    SessionId,
    TransferId,
    TransferPhase,
    Unfinished,
)
from filesend_tui.core.util.text import path_text
from filesend_tui.state.unfinished import idle


class CanResume(Protocol):
    """A Client, as far as it is needed here."""

    async def resume(self, session: SessionId, transfer: TransferId) -> bool:
        """Go on with a transfer; return False where another process is at it."""

    async def go_on(self, transfer: TransferId) -> None:
        """Take this side's pause of a transfer back, if there is one."""


class Begun(NamedTuple):
    """What was gone on with. failure: the first reason why one of the others was not."""

    transfers: frozenset[TransferId]
    failure: FileSendError | None


def by_relay(left: Iterable[Unfinished]) -> dict[str, list[Unfinished]]:
    """Return those that no process is at, by the URL of their relay."""
    found: dict[str, list[Unfinished]] = {}
    for each in idle(left):
        if each.session is not None:
            found.setdefault(each.relay, []).append(each)
    return found


def is_unanswered(each: Unfinished) -> bool:
    """Return whether it is a request to this side that nobody has answered."""
    return each.direction is Direction.RECEIVE and each.phase is TransferPhase.ASKED


def sends(each: Unfinished, paths: Iterable[Path]) -> bool:
    """Return whether these paths, and no others, were chosen for it. Blocking."""
    return each.direction is Direction.SEND and _places(each.chosen) == _places(paths)


def goes_into(each: Unfinished, folder: Path) -> bool:
    """Return whether it arrives in this folder. Blocking."""
    return each.folder is not None and _places([each.folder]) == _places([folder])


def _places(paths: Iterable[str | Path]) -> set[str]:
    return {path_text(os.path.realpath(path)) for path in paths}


async def begin(client: CanResume, left: Sequence[Unfinished], *, asked: bool = True) -> Begun:
    """Go on with transfers whose relay is connected, each by itself; none is waited for.

    asked: a person asked for it, so that what they had paused goes on, too.
    """
    begun: set[TransferId] = set()
    failure: FileSendError | None = None
    for each in left:
        assert each.session is not None
        try:
            if await client.resume(each.session, each.transfer):
                begun.add(each.transfer)
                if asked:
                    await client.go_on(each.transfer)
        except FileSendError as error:
            failure = failure or error
    return Begun(frozenset(begun), failure)
