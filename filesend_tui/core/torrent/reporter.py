"""One torrent's figures as events: `upload` and `download`, coalesced. Decides nothing.

The first figure of a kind and the first verified bytes are published at once, the rest at most four
times a second; the last one is never lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from filesend_tui.core.events import Download, Event, TransferId, Upload
from filesend_tui.core.torrent.rates.rates import RateMeter, time_remaining
from filesend_tui.core.util.figures import rate_text, size_text

#: Seconds between two events of one kind.
INTERVAL = 0.25
#: Seconds over which a rate is measured.
WINDOW = 3.0


class Reporter:
    """Counts bytes and publishes them.

    Args:
        publish: Takes an event.
        torrent: Its id.
        transfer: The transfer it belongs to, if any.
    """

    def __init__(
        self, publish: Callable[[Event], None], torrent: str, transfer: TransferId | None
    ) -> None:
        self._publish = publish
        self._torrent = torrent
        self._transfer = transfer
        self._loop = asyncio.get_running_loop()
        self._due: dict[str, asyncio.TimerHandle] = {}
        self._last: dict[str, float] = {}
        self.received = RateMeter(WINDOW)
        self.sent = RateMeter(WINDOW)
        self.verified_bytes = 0
        self.wanted_bytes = 0
        #: Whether nobody knows how much is wanted: it is a stream.
        self.endless = False
        self._quiet = True

    def block_received(self, size: int) -> None:
        """Count payload bytes that arrived; they move the rate, not the progress."""
        self.received.add(self._loop.time(), size)
        self._soon("download")

    def piece_verified(self, size: int) -> None:
        """Count wanted bytes that are verified and on disk; they move the progress."""
        first = not self.verified_bytes
        self.verified_bytes += size
        self._soon("download")
        if first:  # what a person waits for
            self.flush()

    def resumed(self, size: int) -> None:
        """Count wanted bytes that an earlier run left, before any that this one verifies."""
        self.verified_bytes += size
        if size:
            self._soon("download")

    def block_sent(self, size: int) -> None:
        """Count payload bytes handed to a channel."""
        self.sent.add(self._loop.time(), size)
        self._soon("upload")

    @property
    def uploaded(self) -> int:
        """Payload bytes sent since the start."""
        return self.sent.total

    @property
    def fraction(self) -> float:
        """Progress from 0 to 1 of what is wanted."""
        whole = 0.0 if self.endless else 1.0
        return self.verified_bytes / self.wanted_bytes if self.wanted_bytes else whole

    @property
    def left(self) -> float | None:
        """Seconds until done at the present rate; None where nothing moves, or nobody knows."""
        if self.endless:
            return None
        remaining = self.wanted_bytes - self.verified_bytes
        return time_remaining(remaining, self.download_rate)

    @property
    def download_rate(self) -> float:
        """Bytes a second received just now."""
        return self.received.rate(self._loop.time())

    @property
    def upload_rate(self) -> float:
        """Bytes a second sent just now."""
        return self.sent.rate(self._loop.time())

    def tick(self) -> None:
        """Publish once more while a rate falls to zero; call about once a second.

        Without it a stalled transfer would show its last rate for ever.
        """
        moving = self.download_rate > 0 or self.upload_rate > 0
        if moving or not self._quiet:
            if self.received.total:
                self._soon("download")
            if self.sent.total:
                self._soon("upload")
        self._quiet = not moving

    def flush(self) -> None:
        """Publish what is waiting, now."""
        for kind in tuple(self._due):
            self._due.pop(kind).cancel()
            self._emit(kind)

    def close(self) -> None:
        """Publish nothing more."""
        for handle in self._due.values():
            handle.cancel()
        self._due.clear()

    def _soon(self, kind: str) -> None:
        if kind in self._due:
            return
        wait = self._last.get(kind, -INTERVAL) + INTERVAL - self._loop.time()
        if wait <= 0:
            self._emit(kind)
        else:
            self._due[kind] = self._loop.call_later(wait, self._fire, kind)

    def _fire(self, kind: str) -> None:
        self._due.pop(kind, None)
        self._emit(kind)

    def _emit(self, kind: str) -> None:
        self._last[kind] = self._loop.time()
        self._publish(self._download() if kind == "download" else self._upload())

    def _download(self) -> Download:
        rate = self.download_rate
        return Download(
            torrent=self._torrent,
            transfer=self._transfer,
            downloaded=size_text(self.verified_bytes),
            download_speed=rate_text(rate),
            progress=self.fraction,
            downloaded_bytes=self.verified_bytes,
            download_bytes_per_second=rate,
            time_remaining=self.left,
            stream=self.endless,
        )

    def _upload(self) -> Upload:
        rate = self.upload_rate
        return Upload(
            torrent=self._torrent,
            transfer=self._transfer,
            uploaded=size_text(self.uploaded),
            upload_speed=rate_text(rate),
            uploaded_bytes=self.uploaded,
            upload_bytes_per_second=rate,
        )
