"""Transfers in the journal: the keeper that records them, and what a later process restores.

How a transfer goes on is exchange/'s; how a record is stored is journal/'s.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import msgspec

from filesend_tui.core.events import SessionId, TransferId, TransferPhase
from filesend_tui.core.exchange.facts import TransferFacts
from filesend_tui.core.journal.journal import Journal
from filesend_tui.core.journal.records import Source, TransferRecord
from filesend_tui.core.torrent.sources.trusted import Identity
from relay.protocol.words import FileRequest


class JournalKeeper:
    """Records transfers; a TransferKeeper of exchange/facts.py."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        #: Of the transfers that go on: what is long and stays as it is, made once.
        self._long: dict[tuple[SessionId, TransferId], _Long] = {}

    def transfer_changed(self, session: SessionId, partner: str, facts: TransferFacts) -> None:
        """See TransferKeeper."""
        key = session, facts.request.id
        self._long[key] = long = _Long.of(facts, self._long.get(key))
        if facts.phase.ended:
            del self._long[key]
        self._journal.save_transfer(record_of(session, partner, facts, long))

    def phase_changed(self, session: SessionId, transfer: TransferId, phase: TransferPhase) -> None:
        """See TransferKeeper."""
        if phase.ended:
            self._long.pop((session, transfer), None)
        self._journal.phase(session, transfer, phase)


class _Long(NamedTuple):
    """What of a record takes long to make, and of what it was made."""

    made_of: tuple[object, object]
    request: bytes
    sources: tuple[Source, ...]

    @classmethod
    def of(cls, facts: TransferFacts, before: _Long | None) -> _Long:
        """Make it, or return what was made before where nothing of it changed."""
        request, files = facts.request, facts.files
        if before is not None and before.made_of[0] is request and before.made_of[1] is files:
            return before
        return cls(
            (request, files),
            msgspec.msgpack.encode(request),
            tuple(Source(path, *each) for path, each in files),
        )


def record_of(
    session: SessionId, partner: str, facts: TransferFacts, long: _Long | None = None
) -> TransferRecord:
    """Return the record of a transfer. long: parts of it that were made before."""
    now = time.time()
    long = _Long.of(facts, long)
    return TransferRecord(
        session=session,
        id=facts.request.id,
        direction=facts.direction,
        phase=facts.phase,
        partner=partner,
        folder=facts.folder,
        request=long.request,
        accepted=facts.accepted or None,
        chosen=facts.chosen,
        sources=long.sources,
        info=facts.info,
        magnet=facts.magnet,
        swarm_key=facts.swarm_key,
        paused_by=facts.paused_by,
        paused_files=facts.paused_files,
        queued=facts.queued,
        created=now,
        updated=now,
    )


def facts_of(record: TransferRecord) -> TransferFacts:
    """Return what is known of a recorded transfer. Raises ValueError: it is of another version."""
    try:
        request = msgspec.msgpack.decode(record.request, type=FileRequest)
    except msgspec.DecodeError as error:
        raise ValueError("a request of another version") from error
    return TransferFacts(
        request=request,
        direction=record.direction,
        phase=record.phase,
        accepted=record.accepted or (),
        folder=record.folder,
        chosen=record.chosen,
        files=tuple((each.path, Identity(*each[1:])) for each in record.sources),
        info=record.info,
        magnet=record.magnet,
        swarm_key=record.swarm_key,
        paused_by=record.paused_by,
        paused_files=record.paused_files,
        queued=record.queued,
    )
