"""A piece store reached from the event loop: every read, hash and write runs in a worker thread.

Only the switch between threads lives here; what a file is lives in download_files.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import TypeVar

from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.storage.download_files import DownloadFiles
from filesend_tui.core.torrent.storage.piece_store import PieceStore, verify
from filesend_tui.core.wire.shape import BlockRequest

T = TypeVar("T")


class Disk:
    """One torrent's store, asynchronous.

    Args:
        info: The torrent.
        store: Its files; only a DownloadFiles is ever written to.
        executor: Where blocking work runs.
    """

    def __init__(self, info: TorrentInfo, store: PieceStore, executor: Executor) -> None:
        self._info = info
        self._store = store
        self._executor = executor

    async def read_blocks(self, requests: Sequence[BlockRequest]) -> list[bytes]:
        """Return the bytes of each request, in order, with one switch of threads for all.

        Raises:
            StorageFailed: The disk failed, or a source changed since it was hashed.
        """

        def read() -> list[bytes]:
            return [self._store.read(r.index, r.begin, r.length) for r in requests]

        return await self._run(read)

    async def keep_piece(self, index: int, data: bytes | bytearray) -> bool:
        """Verify a piece and write it; return False (and write nothing) where its hash is wrong.

        Raises:
            StorageFailed: The disk failed.
        """

        def keep() -> bool:
            if not verify(self._info, index, data):
                return False
            assert isinstance(self._store, DownloadFiles)
            self._store.write_piece(index, data)
            return True

        return await self._run(keep)

    async def check_piece(self, index: int) -> None:
        """Read a piece and compare it with its hash.

        Raises:
            StorageFailed, BadSource: It is false; the message says why.
        """
        await self._run(lambda: self._store.check(index))

    # -- for threads that move bulk: these block

    def read_into(self, start: int, view: memoryview) -> None:
        """Fill `view` with the torrent's bytes from `start` on. Raises as `read_blocks`."""
        self._store.read_into(start, view)

    def keep_pieces(self, pieces: range, data: memoryview) -> list[int]:
        """Verify a run of pieces and write the good ones; return those whose hash is wrong.

        Raises:
            StorageFailed: The disk failed.
        """
        assert isinstance(self._store, DownloadFiles)
        size = self._info.shape.piece_length
        wrong = [
            index
            for position, index in enumerate(pieces)
            if not verify(self._info, index, data[position * size : (position + 1) * size])
        ]
        if not wrong:
            self._store.write_pieces(pieces, data)
        else:
            for position, index in enumerate(pieces):
                if index not in wrong:
                    self._store.write_piece(index, data[position * size : (position + 1) * size])
        return wrong

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)
