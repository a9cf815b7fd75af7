"""Open shares in the journal: what an earlier process hashed need not be hashed again.

Whether files are the same still is torrent/sources/'s; how a record is stored is journal/'s.
"""

from __future__ import annotations

import time
from pathlib import Path

from filesend_tui.core.events import Direction
from filesend_tui.core.journal.journal import Journal
from filesend_tui.core.journal.records import ShareRecord, Source, new_id
from filesend_tui.core.torrent.sources.create import Found
from filesend_tui.core.torrent.sources.trusted import Hashed, Identity


class Shares:
    """The open shares of a journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def find(self, sources: Found) -> ShareRecord | None:
        """Return the record of an earlier share of what was chosen, if there is one."""
        wanted = _chosen(sources)
        left = [each.record for each in await self._journal.unfinished()]
        shares = [each for each in left if isinstance(each, ShareRecord)]
        sent = (each for each in shares if each.direction is Direction.SEND)
        return next((each for each in sent if set(each.chosen) == wanted), None)

    async def keep(
        self,
        earlier: ShareRecord | None,
        sources: Found,
        *,
        info: bytes,
        magnet: str,
        trackers: tuple[str, ...],
    ) -> None:
        """Record a share, in place of an earlier one of the same; not where another process has it.

        Args:
            earlier: What `find` returned.
            sources: The files.
            info: The info dictionary, as it was hashed.
            magnet: Of its torrent.
            trackers: Where it is announced.
        """
        if earlier is not None and not await self._journal.claim_share(earlier.id):
            return
        now = time.time()
        record = ShareRecord(
            id=earlier.id if earlier is not None else new_id(),
            direction=Direction.SEND,
            magnet=magnet,
            trackers=trackers,
            chosen=tuple(sorted(_chosen(sources))),
            sources=tuple(Source(each.raw_path, *Identity.of(each)) for each in sources),
            info=info,
            created=now,
            updated=now,
        )
        self._journal.save_share(record)


def hashed(record: ShareRecord) -> Hashed:
    """Return what was hashed for a share."""
    return Hashed(record.info, tuple(Identity(*each[1:]) for each in record.sources))


def _chosen(sources: Found) -> set[Path]:
    return {path.absolute() for path in sources.chosen}
