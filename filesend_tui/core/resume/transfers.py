"""Transfers in the journal: the keeper that records them, and what a later process restores.

How a transfer goes on is exchange/'s; how a record is stored is journal/'s.
"""

from __future__ import annotations

import time
import zlib
from itertools import islice
from typing import Final, TypeAlias

import msgspec

from filesend_tui.core.events import SessionId, TransferId, TransferPhase
from filesend_tui.core.exchange.facts import TransferFacts
from filesend_tui.core.exchange.offered import Asked, Lists, Refused, in_parts
from filesend_tui.core.journal.journal import Journal
from filesend_tui.core.journal.records import Source, TransferRecord
from filesend_tui.core.torrent.sources.trusted import Identity
from relay.protocol.words import MAX_FILES, FileRequest

#: Files of a transfer as a record has them: each, or where they are many, packed.
Sources: TypeAlias = tuple[tuple[Source, ...], bytes]
#: Files that are packed together.
_PACK: Final = 5_000


class JournalKeeper:
    """Records transfers; a TransferKeeper of exchange/facts.py."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        #: The sources that were recorded last, with what they were made of: of 10,000 files that
        #: takes long, and they hardly change.
        self._sources: tuple[object, Sources] = (), ((), b"")
        self._request: tuple[object, bytes] = None, b""

    def transfer_changed(self, session: SessionId, partner: str, facts: TransferFacts) -> None:
        """See TransferKeeper."""
        if self._sources[0] is not facts.files:
            self._sources = facts.files, sources_of(facts)
        if self._request[0] is not facts.request:
            self._request = facts.request, _encoded(facts.request)
        self._journal.save_transfer(
            record_of(session, partner, facts, self._sources[1], self._request[1])
        )

    def phase_changed(self, session: SessionId, transfer: TransferId, phase: TransferPhase) -> None:
        """See TransferKeeper."""
        self._journal.phase(session, transfer, phase)


def sources_of(facts: TransferFacts) -> Sources:
    """Return the files that are sent, as a record has them: each, or all packed."""
    files = facts.files
    if len(files) <= MAX_FILES:
        return tuple(Source(path, *each) for path, each in files), b""
    packed: list[bytes] = []
    each = iter(files)
    while some := [Source(path, *identity) for path, identity in islice(each, _PACK)]:
        packed.append(zlib.compress(msgspec.msgpack.encode(some), 1))
    return (), msgspec.msgpack.encode(packed)


def _unpacked(packed: bytes) -> tuple[Source, ...]:
    """Return what sources_of packed. Raises ValueError: it is of another version."""
    try:
        return tuple(
            source
            for each in msgspec.msgpack.decode(packed, type=list[bytes])
            for source in msgspec.msgpack.decode(zlib.decompress(each), type=list[Source])
        )
    except (msgspec.MsgspecError, zlib.error) as error:
        raise ValueError("sources of another version") from error


def _encoded(request: FileRequest | Asked) -> bytes:
    if isinstance(request, Asked):
        return msgspec.msgpack.encode(list(in_parts(request)))
    return msgspec.msgpack.encode(request)


def _decoded(data: bytes) -> FileRequest | Asked:
    """Return what _encoded was given. Raises ValueError: it is of another version."""
    try:
        request = msgspec.msgpack.decode(data, type=FileRequest | list[FileRequest])
        if isinstance(request, FileRequest):
            return request
        *_, whole = map(Lists().take, request)
    except (msgspec.MsgspecError, Refused, ValueError) as error:
        raise ValueError("a request of another version") from error
    if whole is None:
        raise ValueError("a request of which parts are missing")
    return whole


def record_of(
    session: SessionId,
    partner: str,
    facts: TransferFacts,
    sources: Sources,
    request: bytes | None = None,
) -> TransferRecord:
    """Return the record of a transfer.

    sources: of `sources_of`. request: its request, encoded; None where it is not yet.
    """
    now = time.time()
    return TransferRecord(
        session=session,
        id=facts.request.id,
        direction=facts.direction,
        phase=facts.phase,
        partner=partner,
        folder=facts.folder,
        request=_encoded(facts.request) if request is None else request,
        accepted=facts.accepted or None,
        chosen=facts.chosen,
        sources=sources[0],
        packed=sources[1],
        info=facts.info,
        magnet=facts.magnet,
        swarm_key=facts.swarm_key,
        group=facts.group,
        paused_by=facts.paused_by,
        paused_files=facts.paused_files,
        queued=facts.queued,
        sending=facts.sending,
        arriving=facts.arriving,
        created=now,
        updated=now,
    )


def facts_of(record: TransferRecord) -> TransferFacts:
    """Return what is known of a recorded transfer. Raises ValueError: it is of another version."""
    sources = _unpacked(record.packed) if record.packed else record.sources
    return TransferFacts(
        request=_decoded(record.request),
        direction=record.direction,
        phase=record.phase,
        accepted=record.accepted or (),
        folder=record.folder,
        chosen=record.chosen,
        files=tuple((each.path, Identity(*each[1:])) for each in sources),
        info=record.info,
        magnet=record.magnet,
        swarm_key=record.swarm_key,
        group=record.group,
        paused_by=record.paused_by,
        paused_files=record.paused_files,
        queued=record.queued,
        sending=record.sending,
        arriving=record.arriving,
    )
