"""Transfers in the journal: the keeper that records them, and what a later process restores.

How a transfer goes on is exchange/'s; how a record is stored is journal/'s.
"""

from __future__ import annotations

import time

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
        #: The sources that were recorded last, with what they were made of: of 10,000 files that
        #: takes long, and they hardly change.
        self._sources: tuple[object, tuple[Source, ...]] = (), ()

    def transfer_changed(self, session: SessionId, partner: str, facts: TransferFacts) -> None:
        """See TransferKeeper."""
        if self._sources[0] is not facts.files:
            self._sources = facts.files, sources_of(facts)
        self._journal.save_transfer(record_of(session, partner, facts, self._sources[1]))

    def phase_changed(self, session: SessionId, transfer: TransferId, phase: TransferPhase) -> None:
        """See TransferKeeper."""
        self._journal.phase(session, transfer, phase)


def sources_of(facts: TransferFacts) -> tuple[Source, ...]:
    """Return the files that are sent, as a record has them."""
    return tuple(Source(path, *each) for path, each in facts.files)


def record_of(
    session: SessionId, partner: str, facts: TransferFacts, sources: tuple[Source, ...]
) -> TransferRecord:
    """Return the record of a transfer. sources: of `sources_of`."""
    now = time.time()
    return TransferRecord(
        session=session,
        id=facts.request.id,
        direction=facts.direction,
        phase=facts.phase,
        partner=partner,
        folder=facts.folder,
        request=msgspec.msgpack.encode(facts.request),
        accepted=facts.accepted or None,
        chosen=facts.chosen,
        sources=sources,
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
