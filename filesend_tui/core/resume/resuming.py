"""Unfinished transfers of the journal: listed, gone on with, forgotten.

How a session comes back and a transfer goes on is theirs; records are sessions.py's and
transfers.py's beside this.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Container
from contextlib import suppress
from typing import Final

from msgspec.structs import replace

from filesend_tui.core.errors import FileSendError
from filesend_tui.core.events import (
    Direction,
    Forgotten,
    SessionId,
    TransferId,
    Unfinished,
)
from filesend_tui.core.exchange.facts import TransferFacts
from filesend_tui.core.exchange.manager import TransferManager
from filesend_tui.core.exchange.table import shown_path
from filesend_tui.core.journal.journal import Journal
from filesend_tui.core.journal.records import TransferRecord
from filesend_tui.core.resume.sessions import SessionKeeper, state_of
from filesend_tui.core.resume.transfers import facts_of
from filesend_tui.core.sessions.manager import SessionManager
from filesend_tui.core.torrent.metainfo.magnet import parse_magnet
from filesend_tui.core.torrent.storage.part_folder.leftovers import remove_left
from filesend_tui.core.util.text import path_text

#: Seconds since a session was seen after which nobody returns to it, and the most of them.
_LATELY: Final = 600.0
_MOST_RETURNED_TO: Final = 8
_OTHER_VERSION: Final = "What was recorded of this transfer is of another version of this program."
_USE_THAT: Final = "Use the version that began it, or forget it."


class Resuming:
    """The unfinished transfers of a journal, and the client's sessions and transfers."""

    def __init__(
        self,
        journal: Journal,
        keeper: SessionKeeper,
        sessions: SessionManager,
        transfers: TransferManager,
    ) -> None:
        self._journal = journal
        self._keeper = keeper
        self._sessions = sessions
        self._transfers = transfers

    async def unfinished(self) -> tuple[Unfinished, ...]:
        """See the function of this name."""
        return await unfinished(self._journal, self._transfers)

    async def torrents(self) -> set[bytes]:
        """Return the infohashes of what is unfinished and arrives here."""
        left = [each.record for each in await self._journal.unfinished()]
        hashes = (_info_hash(each) for each in left if isinstance(each, TransferRecord))
        return {each for each in hashes if each is not None}

    async def resume(self, session: SessionId, transfer: TransferId) -> bool:
        """Go on with a transfer; see Client.resume."""
        record = await self._journal.transfer(session, transfer)
        if record is None or not await self._journal.claim(session, transfer):
            return False
        try:
            facts = facts_of(record)
            if not self._sessions.has(session):
                known = await self._journal.session(session)
                if known is None:
                    return False
                state = state_of(known, await self._journal.words(session))
                self._sessions.restore(session, state, self._keeper.ledger(session))
        except ValueError as error:
            raise FileSendError(_OTHER_VERSION, _USE_THAT) from error
        await self._transfers.restore(session, facts)
        return True

    async def return_to(self, contacts: Container[str] | None) -> None:
        """Go on with sessions in which nothing was under way yet when their process was killed.

        Their partners may have asked for something meanwhile, and wait for this side.

        Args:
            contacts: Whose; None for all contacts.

        Raises:
            RelayUnreachable: There is no connection to a place.
        """
        busy = {
            each.record.session
            for each in await self._journal.unfinished()
            if isinstance(each.record, TransferRecord)
        }
        lately = time.time() - _LATELY
        for record in (await self._journal.sessions())[:_MOST_RETURNED_TO]:
            meant = bool(record.contact) and (contacts is None or record.contact in contacts)
            if not meant or record.id in busy or record.last_seen < lately:
                continue
            if self._sessions.has(record.id) or not await self._journal.claim_session(record.id):
                continue
            with suppress(ValueError):  # it is of another version
                state = state_of(record, await self._journal.words(record.id))
                self._sessions.restore(record.id, state, self._keeper.ledger(record.id))

    async def expire(self) -> tuple[Forgotten, ...]:
        """Forget what nobody went on with for a month, as `forget` does; return what it was."""
        forgotten = []
        for record, *_ in await self._journal.expired():
            if isinstance(record, TransferRecord):
                gone = await self.forget(record.session, record.id)
                if gone is not None:
                    forgotten.append(replace(gone, expired=True))
            else:
                await self._journal.forget_share(record.id)
        return tuple(forgotten)

    async def forget(self, session: SessionId, transfer: TransferId) -> Forgotten | None:
        """Forget a transfer and delete what arrived of it; return what it was.

        None where there is none, or another process is at it.
        """
        record = await self._journal.transfer(session, transfer)
        if record is None or not await self._journal.forget(session, transfer):
            return None
        info_hash, path, name = _info_hash(record), None, ""
        if record.folder is not None and info_hash is not None:
            path = await asyncio.to_thread(remove_left, record.folder, info_hash)
        with suppress(ValueError):
            name = _shown(record, facts_of(record), "", running=False, pid=None).name
        return Forgotten(
            session=session,
            transfer=transfer,
            name=name,
            path=path_text(path) if path is not None else None,
        )


async def unfinished(
    journal: Journal, here: Container[TransferId] | None = None
) -> tuple[Unfinished, ...]:
    """Return the transfers that are unfinished, the oldest first.

    here: those that are under way in this process. What it gave up, as somebody was away for too
    long, is its own still, and does not run.
    """
    sessions = {session.id: session for session in await journal.sessions()}
    found = []
    for record, running, pid, ours in await journal.unfinished():
        if isinstance(record, TransferRecord) and record.session in sessions:
            runs = record.id in here if ours and here is not None else running
            with suppress(ValueError):
                of = sessions[record.session]
                shown = _shown(record, facts_of(record), of.relay, runs, pid if runs else None)
                found.append(replace(shown, contact=of.contact))
    return tuple(found)


def _info_hash(record: TransferRecord) -> bytes | None:
    """Return the infohash of what arrives here; None where it is sent, or not known yet."""
    if record.direction is Direction.RECEIVE and record.magnet:
        with suppress(FileSendError):
            return parse_magnet(record.magnet).info_hash
    return None


def _shown(
    record: TransferRecord, facts: TransferFacts, relay: str, running: bool, pid: int | None
) -> Unfinished:
    files = facts.request.files
    wanted = facts.accepted or (True,) * len(files)
    going = [file for file, yes in zip(files, wanted, strict=True) if yes]
    first = shown_path(going[0].path) if going else ""
    return Unfinished(
        session=record.session,
        transfer=record.id,
        direction=record.direction,
        phase=record.phase,
        partner=record.partner,
        name=first if len(going) == 1 else first.partition("/")[0],
        count=len(going),
        total_bytes=sum(file.size for file in going),
        folder=path_text(record.folder) if record.folder is not None else None,
        chosen=tuple(map(path_text, record.chosen)),
        relay=relay,
        updated=record.updated,
        running=running,
        pid=pid,
        paused_by=facts.paused_by,
    )
