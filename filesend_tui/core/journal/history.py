"""Events in, entries of the history out: one for each transfer, open share and open download.

Pure but for `record`, which listens: what becomes of an entry is the journal's.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from filesend_tui.core import events
from filesend_tui.core.event_stream import Subscription
from filesend_tui.core.events import Direction, FileEntry, History, Result, TransferPhase, Who
from filesend_tui.core.journal.journal import Journal
from filesend_tui.core.util.text import clean_path

_log = logging.getLogger(__name__)

#: Names that an entry has; the rest is counted.
NAMED: Final = 10
#: Errors that a torrent may recover from.
_PASSING: Final = {"trackerFailed", "noPeers", "channelFailed"}
_RESULTS: Final = {
    TransferPhase.DONE: Result.DONE,
    TransferPhase.DECLINED: Result.DECLINED,
    TransferPhase.CANCELLED: Result.CANCELLED,
    TransferPhase.FAILED: Result.FAILED,
}


async def record(stream: Subscription, journal: Journal) -> None:
    """Add an entry to the history for whatever ends, until the stream does."""
    recorder = Recorder()
    async for event in stream:
        try:
            entry = recorder.take(event, time.time())
        except Exception:  # a fault here costs an entry, and nothing else
            _log.exception("the history broke")
            continue
        if entry is not None:
            journal.add_history(entry)


@dataclass(slots=True)
class _Open:
    """What is known of something that has not ended. files: those offered. error: the last."""

    direction: Direction
    began: float
    partner: str = ""
    files: tuple[FileEntry, ...] = ()
    names: tuple[str, ...] = ()
    file_count: int = 0
    total_bytes: int = 0
    hash: str = ""
    url: str = ""
    road: str = ""
    error: str = ""

    def be_about(self, files: Iterable[FileEntry]) -> None:
        """Note which files it is about."""
        chosen = tuple(files)
        tops = dict.fromkeys(each.path.partition("/")[0] for each in chosen)
        self.names = tuple(tops)[:NAMED]
        self.file_count, self.total_bytes = len(chosen), sum(each.size for each in chosen)

    def end(
        self,
        result: Result,
        ended: float,
        *,
        reason: str = "",
        by: Who | None = None,
        transfer: str | None = None,
    ) -> History:
        """Return its entry."""
        return History(
            transfer=transfer,
            direction=self.direction,
            partner=self.partner,
            result=result,
            reason=reason,
            by=by,
            names=self.names,
            file_count=self.file_count,
            total_bytes=self.total_bytes,
            hash=self.hash,
            url=self.url,
            folder=clean_path(_folder_of(self.url)) if self.url else "",
            began=self.began,
            ended=ended,
            road=self.road,
        )


class Recorder:
    """What is under way, by transfer, and by torrent in open swarms."""

    def __init__(self) -> None:
        self._transfers: dict[str, _Open] = {}
        self._torrents: dict[str, _Open] = {}

    def take(self, event: events.Event, now: float) -> History | None:
        """Take the next event; return the entry of what ended with it, if anything did.

        Args:
            event: Any.
            now: Seconds since 1970.
        """
        match event:
            case events.FileRequest():
                opened = _Open(event.direction, now, event.partner, event.files)
                opened.be_about(event.files)
                self._transfers[event.transfer] = opened
            case events.FileAnswer():
                self._answered(event)
            case events.TransferState() if event.phase.ended:
                return self._transfer_ended(event, now)
            case events.Seeding():
                self._seeding(event, now)
            case events.Metadata():
                self._metadata(event, now)
            case events.PeerConnected():
                self._of_torrent(event.torrent, lambda each: setattr(each, "road", event.road))
            case events.DownloadComplete():
                return self._complete(event, now)
            case events.Error(transfer=None, torrent=str(torrent)) if event.code not in _PASSING:
                self._of_torrent(torrent, lambda each: setattr(each, "error", event.message))
            case events.TorrentDestroyed(transfer=None):
                return self._destroyed(event.torrent, now)
        return None

    def _of_torrent(self, torrent: str, change: Callable[[_Open], object]) -> None:
        for each in (*self._transfers.values(), *self._torrents.values()):
            if each.hash == torrent:
                change(each)

    def _answered(self, event: events.FileAnswer) -> None:
        opened = self._transfers.get(event.transfer)
        if opened is not None and any(event.accepted):
            answers = zip(opened.files, event.accepted, strict=False)
            opened.be_about(file for file, yes in answers if yes)
            opened.files = ()  # there may be 200,000, which are of no more use

    def _transfer_ended(self, event: events.TransferState, now: float) -> History | None:
        opened = self._transfers.pop(event.transfer, None)
        if opened is None:
            return None
        result = _RESULTS[event.phase]
        return opened.end(result, now, reason=event.reason, by=event.by, transfer=event.transfer)

    def _seeding(self, event: events.Seeding, now: float) -> None:
        if event.transfer is not None:
            if (opened := self._transfers.get(event.transfer)) is not None:
                opened.hash = event.torrent
            return
        self._torrents[event.torrent] = _Open(
            Direction.SEND,
            now,
            names=(event.name,),
            total_bytes=event.total_bytes,
            hash=event.torrent,
        )

    def _metadata(self, event: events.Metadata, now: float) -> None:
        if event.transfer is not None:
            if (opened := self._transfers.get(event.transfer)) is not None:
                opened.hash = event.torrent
            return
        opened = _Open(Direction.RECEIVE, now, hash=event.torrent)
        opened.be_about(
            file for file, wanted in zip(event.files, event.wanted, strict=False) if wanted
        )
        opened.names = (event.name,)
        self._torrents[event.torrent] = opened

    def _complete(self, event: events.DownloadComplete, now: float) -> History | None:
        if event.transfer is not None:
            if (opened := self._transfers.get(event.transfer)) is not None:
                opened.url, opened.road = event.url, event.road
            return None
        opened = self._torrents.pop(event.torrent, None)
        if opened is None:
            return None
        opened.url, opened.road = event.url, event.road
        return opened.end(Result.DONE, now)

    def _destroyed(self, torrent: str, now: float) -> History | None:
        """Return the entry of a share that was stopped, or of a download that was given up."""
        opened = self._torrents.pop(torrent, None)
        if opened is None:
            return None
        if opened.direction is Direction.SEND:
            return opened.end(Result.DONE, now)
        result = Result.FAILED if opened.error else Result.CANCELLED
        return opened.end(result, now, reason=opened.error)


def _folder_of(url: str) -> Path:
    """Return the folder that what a file:// URL names is in."""
    from urllib.request import url2pathname  # late: slow to import

    parts = urlsplit(url)
    return Path(
        url2pathname(f"//{parts.netloc}{parts.path}" if parts.netloc else parts.path)
    ).parent
