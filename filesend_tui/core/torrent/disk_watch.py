"""Waiting for a disk that a download cannot be written to for now, and saying what for.

A full disk, one that became read-only or was taken away pauses the download (storage/disk.py), or
one that would go on (laying_out.py): it is looked at again every two seconds, and the download goes
on by itself. A write that does not come back is said too. Which errors may pass is disk_error.py's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from filesend_tui.core.errors import FileSendError, StorageFailed
from filesend_tui.core.events import Event, StorageBack, StorageWaits, TorrentId, TransferId
from filesend_tui.core.torrent.storage.disk_error import Trouble, trouble_of
from filesend_tui.core.util.tasks import Tasks

#: Seconds between two looks at a disk that is waited for; doubled, up to so many, each time that it
#: fails again before a piece was written: some fail at one place only.
LOOK_AGAIN: Final = 2.0
LOOK_AGAIN_AT_MOST: Final = 60.0
#: Seconds without a piece written, after which a download fails for the first cause; its part files
#: stay.
PATIENCE: Final = 3600.0
#: Seconds after which a write that has not come back is said to hang.
HANGS: Final = 10.0

_HINTS: Final = {
    Trouble.FULL: "It goes on by itself once there is room.",
    Trouble.READ_ONLY: "It goes on by itself once it can be written to.",
    Trouble.AWAY: "It goes on by itself once it is back.",
}


class Watched(Protocol):
    """What is paused while its disk is waited for: storage/disk.py's, or laying_out.py's."""

    why_paused: FileSendError | None

    @property
    def paused(self) -> bool:
        """Whether it is."""

    @property
    def writing_since(self) -> float | None:
        """When the oldest write under way began (time.monotonic); None where there is none."""

    async def look_again(self) -> None:
        """Return where it can go on. Raises NoSpace, StorageFailed."""

    def resume(self) -> None:
        """Go on."""


class DiskTrouble(NamedTuple):
    """What a disk is waited for; as in StorageWaits."""

    reason: str
    missing_bytes: int = 0


class DiskWatch:
    """The disk of one download.

    trouble: what it is waited for, as it was told last; None where it is not.

    Args:
        disk: What is paused for it.
        folder: The target folder, as it is told.
        torrent, transfer: The download's, for its events.
        publish: Takes an event.
        back: Called when the disk takes bytes again.
        failed: Called with the error that ends the download.
        tasks: Where it waits.
    """

    def __init__(
        self,
        disk: Watched,
        folder: Path,
        *,
        torrent: TorrentId,
        transfer: TransferId | None,
        publish: Callable[[Event], None],
        back: Callable[[], None],
        failed: Callable[[FileSendError], None],
        tasks: Tasks,
    ) -> None:
        self.trouble: DiskTrouble | None = None
        self._disk = disk
        self._folder = folder
        self._torrent = torrent
        self._transfer = transfer
        self._publish = publish
        self._back = back
        self._failed = failed
        self._tasks = tasks
        self._wait: asyncio.Task[None] | None = None
        self._hung_since: float | None = None
        # Since a piece was written: the first error, when it came, and how many did.
        self._first: FileSendError | None = None
        self._began = 0.0
        self._troubles = 0

    @property
    def waits(self) -> bool:
        """Whether the disk is waited for."""
        return self._hung_since is not None or (self._wait is not None and not self._wait.done())

    def troubled(self, error: FileSendError) -> None:
        """Wait until an error of the disk has passed, if it is paused for one."""
        if self._disk.paused and (self._wait is None or self._wait.done()):
            self._wait = self._tasks.spawn(self._until_back(error))

    def moved(self) -> None:
        """Note that a piece was written, or found to be right: the disk is of use."""
        self._first = None
        self._troubles = 0

    async def over(self, error: FileSendError) -> bool:
        """Wait until an error has passed; return whether it did.

        False: it is none that may pass, or it took too long, which was reported.
        """
        if trouble_of(error) is None:
            return False
        self._disk.why_paused = error
        self.troubled(error)
        assert self._wait is not None
        await asyncio.wait({self._wait})
        return not self._disk.paused

    def tick(self) -> None:
        """Say where a write does not come back; call about once a second."""
        since = self._disk.writing_since
        late = 0.0 if since is None else time.monotonic() - since
        if late < HANGS:
            if self._hung_since is not None and since != self._hung_since:
                self._hung_since = None
                if not self.waits:
                    self._tell_back()
        elif self._hung_since is None:
            self._hung_since = since
            self._tell(
                "hangs",
                f"The disk of {self._folder} has not finished a write for {late:.0f} seconds.",
                "It goes on by itself once the disk answers; see whether it is still connected.",
            )
        elif late > PATIENCE:
            self._failed(StorageFailed(f"The disk of {self._folder} does not answer any more."))

    async def _until_back(self, error: FileSendError) -> None:
        if self._first is None:
            self._first, self._began = error, time.monotonic()
        first = self._first
        pause = min(LOOK_AGAIN * 2**self._troubles, LOOK_AGAIN_AT_MOST)
        self._troubles += 1
        # At once, as only then it is known how much is missing.
        error, said = await self._look() or error, ""
        while True:
            trouble = trouble_of(error)
            if trouble is None:
                self._failed(error)
                return
            if (words := self._words(trouble, error)) != said:
                self._tell(trouble, words, _HINTS[trouble], error)
                said = words
            if time.monotonic() - self._began > PATIENCE:
                self._failed(first)
                return
            await asyncio.sleep(pause)
            still = await self._look()
            if still is None:
                break
            error = still
        self._disk.resume()
        self._tell_back()
        self._back()

    async def _look(self) -> FileSendError | None:
        """Return why the disk still cannot be written to; None where it can."""
        try:
            await self._disk.look_again()
        except FileSendError as still:
            return still
        return None

    def _words(self, trouble: Trouble, error: FileSendError) -> str:
        match trouble:
            case Trouble.FULL:
                return error.message
            case Trouble.READ_ONLY:
                return f"Nothing can be written to {self._folder}: it is read-only."
            case Trouble.AWAY:
                why = getattr(error.__cause__, "strerror", None) or "it is not there"
                return f"The disk of {self._folder} does not answer: {why}."

    def _tell(
        self, reason: str, message: str, hint: str, error: FileSendError | None = None
    ) -> None:
        self.trouble = DiskTrouble(reason, getattr(error, "missing", 0))
        self._publish(
            StorageWaits(
                torrent=self._torrent,
                transfer=self._transfer,
                reason=reason,
                message=message,
                hint=hint,
                missing_bytes=self.trouble.missing_bytes,
            )
        )

    def _tell_back(self) -> None:
        self.trouble = None
        self._publish(StorageBack(torrent=self._torrent, transfer=self._transfer))
