"""Sessions of an earlier run that go on beside that of the partner who is shown.

Pure bookkeeping for the store: whose transfers are awaited, who is there, and who is done with.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from filesend_tui.core.events import SessionId, TransferId, Unfinished


@dataclass(slots=True)
class _Session:
    """partner: their name. awaited: transfers that go on. present: whether the partner is there."""

    partner: str
    awaited: set[TransferId] = field(default_factory=set)
    present: bool = False


class Beside:
    """The sessions that were gone on with, by id."""

    def __init__(self) -> None:
        self._sessions: dict[SessionId, _Session] = {}

    def __contains__(self, session: SessionId | None) -> bool:
        """Return whether a session is one of these."""
        return session in self._sessions

    def __bool__(self) -> bool:
        """Return whether there is any."""
        return bool(self._sessions)

    def is_away(self, session: SessionId | None) -> bool:
        """Return whether it is one of these, and its partner is not there."""
        return session is not None and session in self and not self._sessions[session].present

    def add(self, left: Iterable[Unfinished]) -> None:
        """Note transfers that are about to go on."""
        for each in left:
            if each.session is not None:
                known = self._sessions.setdefault(each.session, _Session(each.partner))
                known.awaited.add(each.transfer)

    def over(self, transfers: Iterable[TransferId]) -> None:
        """Note transfers that are over, or could not go on."""
        for session in self._sessions.values():
            session.awaited.difference_update(transfers)

    def gone(self, session: SessionId | None) -> None:
        """Note that a session ended."""
        if session is not None:
            self._sessions.pop(session, None)

    def stand(self, session: SessionId | None, *, present: bool) -> None:
        """Note whether a partner is there."""
        if session is not None and session in self:
            self._sessions[session].present = present

    def somebody(self) -> tuple[SessionId, str] | None:
        """Return a session whose partner is there, and their name, if there is one."""
        there = ((id, each.partner) for id, each in self._sessions.items() if each.present)
        return next(there, None)

    def done_with(self, but: SessionId | None, busy: Iterable[SessionId | None]) -> list[SessionId]:
        """Return, and forget, those with nothing left to do.

        Of those who are away none: what was said to them last is still to be taken.

        Args:
            but: The session that is shown, which a person ends.
            busy: The sessions of what is under way.
        """
        still = {but, *busy}
        done = [
            id
            for id, each in self._sessions.items()
            if each.present and not each.awaited and id not in still
        ]
        for id in done:
            del self._sessions[id]
        return done
