"""Laying out the files of a download, again where its disk has passed what kept them from it.

To be waited for by disk_watch.py, like the disk of one that is under way. What may pass is told by
the error: what is new is refused at once, and only what an earlier run left waits. How files are
laid out is storage/'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import Final

from filesend_tui.core.errors import FileSendError
from filesend_tui.core.torrent.storage.download_files import DownloadFiles


class LayingOut:
    """The files of one download, until they are there.

    Args:
        create: Returns them; blocking. Where it fails, what an earlier run left stays.
        executor: Where it runs.

    store: they, once they are there. why_paused: the error that is waited for; None where it is
    not.
    """

    #: Nothing is written yet.
    writing_since: Final = None

    def __init__(self, create: Callable[[], DownloadFiles], executor: Executor) -> None:
        self._create = create
        self._executor = executor
        self._creating: asyncio.Future[DownloadFiles] | None = None
        self.store: DownloadFiles | None = None
        self.why_paused: FileSendError | None = None

    @property
    def paused(self) -> bool:
        """Whether an error is waited for."""
        return self.why_paused is not None

    def resume(self) -> None:
        """Note that it has passed."""
        self.why_paused = None

    async def look_again(self) -> None:
        """Lay them out, unless they are. Raises NoSpace, StorageFailed."""
        if self.store is None:
            loop = asyncio.get_running_loop()
            self._creating = loop.run_in_executor(self._executor, self._create)
            self.store = await asyncio.shield(self._creating)

    async def given_up(self) -> DownloadFiles | None:
        """Return what there is for somebody to close, once whoever waited for it was cancelled."""
        if self._creating is not None:
            with suppress(FileSendError):  # it was reported
                return await self._creating  # a thread is not cancelled
        return None
