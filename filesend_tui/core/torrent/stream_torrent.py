"""A stream in a torrent's place: its swarm meets the peer and keeps a connection, and no pieces go.

It has no metadata, no disk and no hashes of pieces. Its infohash is 20 random bytes that name the
private swarm; all else about meeting, roads, pauses and the end is a torrent's. How bytes move is
streams/'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from filesend_tui.core.errors import FileSendError
from filesend_tui.core.events import DownloadComplete, FileEntry, Metadata
from filesend_tui.core.meeting.invitation import Invitation, Reach
from filesend_tui.core.torrent.metainfo.magnet import Magnet
from filesend_tui.core.torrent.rates.limiter import Limits
from filesend_tui.core.torrent.streams.inflow import Inflow, StreamTarget
from filesend_tui.core.torrent.streams.outflow import Outflow, StreamSource
from filesend_tui.core.torrent.torrent import Standing, Torrent
from filesend_tui.core.util.text import clean


class StreamTorrent(Torrent):
    """A stream that is sent, or received.

    Args:
        magnet: Its infohash, name and trackers.
        end: Where it is read from, or where it goes.
        limits: The client's rate limits.
        same: All else that a Torrent takes.
    """

    def __init__(
        self, magnet: Magnet, end: StreamSource | StreamTarget, *, limits: Limits, **same: Any
    ) -> None:
        self._out: Outflow | None = None
        self._in: Inflow | None = None
        flow: Outflow | Inflow
        # Either hears of nothing before it was begun.
        if isinstance(end, StreamSource):
            flow = self._out = Outflow(end, self, limits.upload)
        else:
            flow = self._in = Inflow(end, self, limits.download)
        self._flow = flow
        super().__init__(magnet, limits=limits, flow=flow, **same)
        self._reporter.endless = True

    @property
    def digest(self) -> bytes:
        """SHA-256 of all of it; empty at the sender while it is read."""
        return self._flow.digest

    async def send(self, invited: Reach | None) -> None:
        """Read and serve it; see Torrent.seed. Raises TrackerFailed."""
        assert self._out is not None
        self._out.begin()
        await self._serve(invited, self.magnet.name or "", 0)

    async def receive(self, invitation: Invitation | None, reach: Reach | None) -> None:
        """Meet the sender, and take it. invitation, reach: see Rendezvous.start."""
        await self._swarm.start(invitation, reach)
        name = clean(self.magnet.name or "", 1024)
        self._publish(
            Metadata(
                torrent=self.id,
                name=name,
                files=(FileEntry(path=name, size=0),),
                wanted=(True,),
                total_bytes=0,
                transfer=self.transfer,
            )
        )

    async def close(self, *, delete_data: bool) -> None:
        """Leave the swarm and free everything; nothing is kept of what is not complete."""
        await self._flow.close()
        await super().close(delete_data=delete_data)

    def pause(self, paused: bool) -> None:
        """See Torrent; the sender alone holds it, which the receiver's window then follows."""
        super().pause(paused)
        if self._out is not None:
            self._out.pause(paused)

    # -- OutflowHost, InflowHost

    def stream_sent(self, size: int) -> None:
        """See OutflowHost."""
        self._reporter.block_sent(size)

    def stream_received(self, arrived: int, written: int) -> None:
        """See InflowHost."""
        if arrived:
            self._reporter.block_received(arrived)
        if written:
            self._reporter.piece_verified(written)

    def stream_done(self, path: Path | None) -> None:
        """See InflowHost."""
        assert self._in is not None
        if self.done.done():
            return
        self.done.set_result(path)
        self._reporter.flush()
        self._publish(
            DownloadComplete(
                torrent=self.id,
                url=path.resolve().as_uri() if path is not None else "",
                bytes=self._in.length,
                seconds=round(self._loop.time() - self._started, 3),
                road=self._in.road,
                transfer=self.transfer,
                sha256=self._in.digest.hex(),
            )
        )

    def stream_failed(self, error: FileSendError) -> None:
        """See both."""
        self.swarm_failed(error)

    # -- what a torrent does otherwise

    @property
    def _standing_with_peers(self) -> Standing:
        return Standing.SLOWED if self._swarm.slowed is not None else Standing.FLOWING

    @property
    def _store_is_whole(self) -> bool:
        return self._out is not None or self.done.done()

    def _watch_partner(self, now: float) -> None:
        """Expect nothing: a pipe may be silent for days."""
