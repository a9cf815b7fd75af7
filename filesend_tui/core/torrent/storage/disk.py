"""A piece store reached from the event loop: every read, hash and write runs in a worker thread.

A disk that a download cannot be written to for now is paused: nothing fails, nothing is written,
and what was to be written is to be asked for again. Only that and the switch between threads live
here; what a file is lives in download_files.py, and when the pause ends is disk_watch.py's.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from typing import NoReturn, TypeVar

from filesend_tui.core.errors import FileSendError
from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.storage.disk_error import trouble_of
from filesend_tui.core.torrent.storage.download_files import DownloadFiles
from filesend_tui.core.torrent.storage.piece_store import PieceStore, verify
from filesend_tui.core.wire.shape import BlockRequest

T = TypeVar("T")


class Paused(Exception):
    """The disk takes nothing for now: what was to be written is to be asked for again. why: so."""

    def __init__(self, why: FileSendError) -> None:
        super().__init__(why.message)
        self.why = why


class Disk:
    """One torrent's store, asynchronous.

    Args:
        info: The torrent.
        store: Its files; only a DownloadFiles is ever written to.
        executor: Where blocking work runs.
        troubled: Called on the event loop with an error that may pass: a download's disk is paused
            from then on. None: every error is raised.

    why_paused: the error that it is paused for; None where it is not.
    """

    def __init__(
        self,
        info: TorrentInfo,
        store: PieceStore,
        executor: Executor,
        troubled: Callable[[FileSendError], None] | None = None,
    ) -> None:
        self._info = info
        self._store = store
        self._executor = executor
        self._troubled = troubled
        self._loop = asyncio.get_running_loop()
        self._writing: dict[object, float] = {}
        self._reading: dict[object, float] = {}
        self._lock = threading.Lock()
        self.why_paused: FileSendError | None = None

    @property
    def paused(self) -> bool:
        """Whether nothing is written."""
        return self.why_paused is not None

    @property
    def writing_since(self) -> float | None:
        """When the oldest write under way began (time.monotonic); None where there is none."""
        with self._lock:
            return min(self._writing.values(), default=None)

    @property
    def reading_since(self) -> float | None:
        """The same of a read for a peer."""
        with self._lock:
            return min(self._reading.values(), default=None)

    def resume(self) -> None:
        """Write again: the disk takes it."""
        self.why_paused = None

    async def look_again(self) -> None:
        """Return where a download can be written again. Raises NoSpace, StorageFailed."""
        assert isinstance(self._store, DownloadFiles)
        await self._run(self._store.look_again)

    async def read_blocks(self, requests: Sequence[BlockRequest]) -> list[bytes]:
        """Return the bytes of each request, in order, with one switch of threads for all.

        Raises:
            StorageFailed: The disk failed, or a source changed since it was hashed.
            Paused: The disk failed, for now.
        """

        def read() -> list[bytes]:
            with self._under_way(self._reading):
                return [self._store.read(r.index, r.begin, r.length) for r in requests]

        with self._patient():
            return await self._run(read)

    async def keep_piece(self, index: int, data: bytes | bytearray) -> bool:
        """Verify a piece and write it; return False (and write nothing) where its hash is wrong.

        Raises:
            StorageFailed: The disk failed.
            Paused: It failed for now, or had before.
        """

        def keep() -> bool:
            if not verify(self._info, index, data):
                return False
            assert isinstance(self._store, DownloadFiles)
            with self._under_way(self._writing):
                self._store.write_piece(index, data)
            return True

        self._check_paused()
        with self._patient():
            return await self._run(keep)

    async def recheck(self, indices: Sequence[int]) -> list[bool]:
        """Compare doubted pieces of an earlier run with their hashes; return which are right.

        Raises:
            StorageFailed: The disk failed.
            Paused: It failed for now, or had before.
        """

        def recheck() -> list[bool]:
            assert isinstance(self._store, DownloadFiles)
            return [self._store.recheck(index) for index in indices]

        self._check_paused()
        with self._patient():
            return await self._run(recheck)

    async def check_piece(self, index: int) -> None:
        """Read a piece and compare it with its hash, unless the disk fails for now.

        Raises:
            StorageFailed, BadSource: It is false; the message says why.
        """
        with suppress(Paused), self._patient():
            await self._run(lambda: self._store.check(index))

    # -- for threads that move bulk: these block

    def read_into(self, start: int, view: memoryview) -> None:
        """Fill `view` with the torrent's bytes from `start` on. Raises as `read_blocks`."""
        with self._patient(), self._under_way(self._reading):
            self._store.read_into(start, view)

    def keep_pieces(self, pieces: range, data: memoryview) -> list[int]:
        """Verify a run of pieces and write the good ones; return those whose hash is wrong.

        Raises:
            StorageFailed: The disk failed.
            Paused: It failed for now, or had before.
        """
        self._check_paused()
        assert isinstance(self._store, DownloadFiles)
        size = self._info.shape.piece_length
        wrong = [
            index
            for position, index in enumerate(pieces)
            if not verify(self._info, index, data[position * size : (position + 1) * size])
        ]
        with self._patient(), self._under_way(self._writing):
            if not wrong:
                self._store.write_pieces(pieces, data)
            else:
                for position, index in enumerate(pieces):
                    if index not in wrong:
                        start = position * size
                        self._store.write_piece(index, data[start : start + size])
        return wrong

    @contextmanager
    def _under_way(self, those: dict[object, float]) -> Iterator[None]:
        """Have a read or a write known as one of those that are under way."""
        mine = object()
        with self._lock:
            those[mine] = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                del those[mine]

    @contextmanager
    def _patient(self) -> Iterator[None]:
        """Pause the disk at an error that may pass, on any thread."""
        try:
            yield
        except FileSendError as error:
            self._judge(error)

    def _judge(self, error: FileSendError) -> NoReturn:
        passes = isinstance(self._store, DownloadFiles) and trouble_of(error) is not None
        if self._troubled is None or not passes:
            raise error
        self.why_paused = error
        with suppress(RuntimeError):  # the event loop is closed
            self._loop.call_soon_threadsafe(self._troubled, error)
        raise Paused(error) from error

    def _check_paused(self) -> None:
        if (why := self.why_paused) is not None:
            raise Paused(why)

    async def _run(self, work: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._executor, work)
