"""What is under way: what would be cut short if the program ended now, according to the events.

A request of this side counts from the moment it is asked, the partner's once it has a yes, an open
download once it is known what it is, and an open share while somebody is connected who may lack
some of it: the rest can be begun again at any time, at no cost. No I/O and no clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from filesend_tui.core import events
from filesend_tui.core.events import Direction, Event, TorrentId, TransferId, TransferPhase


@dataclass(slots=True)
class UnderWay:
    """What has not ended. Only `see` changes it.

    transfers: the requests of both sides, but for `waiting`, the partner's without an answer.
    downloads: open ones. running: those of transfers whose bytes are prepared or go. moved: rises
    with each event that shows that something happens.
    """

    transfers: set[TransferId] = field(default_factory=set)
    waiting: dict[TransferId, events.FileRequest] = field(default_factory=dict)
    downloads: set[TorrentId] = field(default_factory=set)
    running: set[TransferId] = field(default_factory=set)
    moved: int = 0
    #: Of each open share those who are connected, and may lack some of it.
    _takers: dict[TorrentId, set[str]] = field(default_factory=dict)

    @property
    def any(self) -> bool:
        """Whether anything is."""
        return bool(self.transfers or self.downloads or any(self._takers.values()))

    @property
    def keeps_awake(self) -> bool:
        """Whether something would stop if the machine fell asleep, and waits for no answer."""
        return bool(self.running or self.downloads or any(self._takers.values()))

    @property
    def words(self) -> str:
        """What it is, such as `2 transfers and 1 share`; for the log."""
        taken = sum(map(bool, self._takers.values()))
        counted = {"transfer": len(self.transfers), "download": len(self.downloads), "share": taken}
        said = [f"{count} {what}{'s' * (count > 1)}" for what, count in counted.items() if count]
        return " and ".join(said) or "nothing"

    def see(self, event: Event) -> None:
        """Take the next event."""
        self.moved += _shows_motion(event)
        match event:
            case events.FileRequest():
                if event.direction is Direction.RECEIVE:
                    self.waiting[event.transfer] = event
                else:
                    self.transfers.add(event.transfer)
            case events.TransferState(phase=TransferPhase.ASKED):
                pass
            case events.TransferState():
                self.waiting.pop(event.transfer, None)
                if event.phase in _RUNNING:
                    self.running.add(event.transfer)
                if event.phase.ended:
                    self.transfers.discard(event.transfer)
                    self.running.discard(event.transfer)
                else:
                    self.transfers.add(event.transfer)
            case events.Metadata(transfer=None):
                self.downloads.add(event.torrent)
            case events.DownloadComplete(transfer=None) | events.TorrentDestroyed():
                self.downloads.discard(event.torrent)
        self._see_share(event)

    def _see_share(self, event: Event) -> None:
        match event:
            case events.Seeding(transfer=None):
                self._takers.setdefault(event.torrent, set())
            case events.PeerConnected() if event.torrent in self._takers:
                self._takers[event.torrent].add(event.address)
            case events.PeerDropped() if event.torrent in self._takers:
                self._takers[event.torrent].discard(event.address)
            case events.SwarmState() if event.torrent in self._takers:
                self._takers[event.torrent] -= {p.address for p in event.peers if p.progress >= 1}
            case events.TorrentDestroyed():
                self._takers.pop(event.torrent, None)


_RUNNING: Final = frozenset(
    {TransferPhase.HASHING, TransferPhase.READY, TransferPhase.TRANSFERRING}
)
#: Events that tell of a step of something. Others, such as that a transfer waits, are told again
#: and again while nothing moves.
_STEPS: Final = (
    events.FileRequest,
    events.TransferState,
    events.TransferPaused,
    events.TransferResumed,
    events.FilesPaused,
    events.Hashing,
    events.Seeding,
    events.Metadata,
    events.DownloadComplete,
)


def _shows_motion(event: Event) -> bool:
    match event:
        case events.Upload(upload_bytes_per_second=rate):
            return rate > 0
        case events.Download(download_bytes_per_second=rate):
            return rate > 0
        case events.ProgressUpdate(download_bytes_per_second=rate):
            return rate > 0
    return isinstance(event, _STEPS)
