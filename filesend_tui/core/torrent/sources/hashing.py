"""The SHA-1 of every piece of some files laid end to end (BEP 3), on as many cores as there are.

Threads take runs of pieces in turn; reading and hashing release the GIL. Which files there are, and
what is made of the hashes, is create.py's.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import threading
from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from typing import Final, Protocol

from filesend_tui.core.errors import Cancelled
from filesend_tui.core.torrent.storage.arrival.holes import hash_of_zeros
from filesend_tui.core.torrent.storage.dir_cache import Replaced, RootedDirCache
from filesend_tui.core.torrent.storage.file_handles import Handle
from filesend_tui.core.util.file_id import FileId

#: Threads at most: more than a disk can feed.
MOST_THREADS: Final = 4
#: Bytes read and hashed at a time: few enough to be hashed from the processor's cache.
_BUFFER: Final = 256 * 1024
#: Bytes that a thread takes at a time, in whole pieces: disks like long runs.
_RUN: Final = 4 * 1024 * 1024
_PROGRESS_INTERVAL: Final = 0.1
#: Seeks the next bytes of a file that are no hole; None where the system cannot tell.
_SEEK_DATA: Final[int | None] = getattr(os, "SEEK_DATA", None)


class Source(Protocol):
    """A file to be read."""

    @property
    def path(self) -> Path:
        """Where it is."""

    @property
    def root(self) -> Path:
        """The folder below which it is."""

    @property
    def root_id(self) -> FileId:
        """That folder's identity when it was found."""

    @property
    def steps(self) -> Sequence[str]:
        """Names from there to it."""

    @property
    def name(self) -> str:
        """Its path in what is sent."""

    @property
    def size(self) -> int:
        """Bytes it had when it was found."""

    @property
    def holes(self) -> int:
        """About how many of them its disk need not hold: there are holes in it."""

    def is_unchanged(self, status: os.stat_result) -> bool:
        """Return whether it still is as it was found."""


class Unreadable(Exception):
    """A source could not be read: `source`, and the OSError as the cause."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source


class Changed(Exception):
    """A source is not what it was when it was found: `source`."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source


def threads_to_use() -> int:
    """Return how many threads hash at once: one for each core allowed, at most MOST_THREADS."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(cores or 1, MOST_THREADS)


def hash_pieces(
    sources: Sequence[Source],
    piece_length: int,
    *,
    sizes: Sequence[int] | None = None,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
    threads: int | None = None,
) -> bytes:
    """Return the pieces' hashes, 20 bytes each, in order. Blocking.

    Args:
        sources: In the torrent's order. Empty ones are not opened.
        piece_length: In bytes.
        sizes: Of each file, in bytes, where there is a list of them already.
        progress: Called with (bytes hashed, bytes in all) at the start, at the end and in between
            at most ten times a second, on this thread.
        cancelled: Polled after each buffer, on any thread.
        threads: By default as many as threads_to_use returns.

    Raises:
        Unreadable: A file cannot be read.
        Changed: A file changed since it was found.
        Cancelled: `cancelled` returned True.
    """
    if sizes is None:
        sizes = [source.size for source in sources]
    work = _Work(sources, sizes, piece_length, cancelled)
    progress(0, work.total)
    if not work.total:
        return b""
    count = min(threads or threads_to_use(), work.runs)
    with ThreadPoolExecutor(count, "filesend-pieces") as pool:
        try:
            pending = {pool.submit(work.hash_runs) for _ in range(count)}
            while pending:
                done, pending = wait(pending, _PROGRESS_INTERVAL, FIRST_EXCEPTION)
                for each in done:
                    each.result()
                if pending:
                    progress(work.hashed, work.total)
        finally:
            work.stop.set()
    progress(work.total, work.total)
    return b"".join(work.digests)


class _Work:
    """What the threads share: which run is next, and the hashes."""

    def __init__(
        self,
        sources: Sequence[Source],
        sizes: Sequence[int],
        piece_length: int,
        cancelled: Callable[[], bool],
    ) -> None:
        self.total = sum(sizes)
        self.digests = [b""] * -(-self.total // piece_length)
        self.hashed = 0
        self.stop = threading.Event()
        self._cancelled = cancelled
        self._sources = sources
        self._starts = array("q", itertools.accumulate(sizes, initial=0))[:-1]
        self._piece_length = piece_length
        self._run_pieces = max(1, _RUN // piece_length)
        self.runs = -(-len(self.digests) // self._run_pieces)
        self._next_run = iter(range(self.runs))
        self._lock = threading.Lock()

    def hash_runs(self) -> None:
        """Hash runs of pieces until none is left; one thread's work."""
        buffer = memoryview(bytearray(_BUFFER))
        with closing(_Reader(self._sources, self._starts)) as reader:
            while (run := self._take()) is not None:
                first = run * self._run_pieces
                for piece in range(first, min(first + self._run_pieces, len(self.digests))):
                    self._hash(piece, reader, buffer)

    def _take(self) -> int | None:
        with self._lock:
            return next(self._next_run, None)

    def _hash(self, piece: int, reader: _Reader, buffer: memoryview) -> None:
        position = piece * self._piece_length
        end = min(position + self._piece_length, self.total)
        size = end - position
        if reader.is_hole(position, size):
            self._hashed(piece, hash_of_zeros(size), size)
            return
        digest = hashlib.sha1(usedforsecurity=False)
        while position < end:
            count = reader.read(position, buffer[: end - position])
            if self.stop.is_set() or self._cancelled():
                raise Cancelled("Preparing the files was stopped.")
            digest.update(buffer[:count])
            position += count
        self._hashed(piece, digest.digest(), size)

    def _hashed(self, piece: int, digest: bytes, size: int) -> None:
        if self.stop.is_set() or self._cancelled():
            raise Cancelled("Preparing the files was stopped.")
        self.digests[piece] = digest
        with self._lock:
            self.hashed += size


class _Reader:
    """Reads anywhere in the files laid end to end; holds the last one open."""

    def __init__(self, sources: Sequence[Source], starts: Sequence[int]) -> None:
        self._sources = sources
        self._starts = starts
        self._index = -1
        self._file: Handle | None = None
        self._trail = RootedDirCache()

    def is_hole(self, position: int, size: int) -> bool:
        """Return whether these bytes are in a hole of one file, which reads as zeros."""
        index = bisect_right(self._starts, position) - 1
        source = self._sources[index]
        offset = position - self._starts[index]
        if not source.holes or offset + size > source.size or _SEEK_DATA is None:
            return False
        self._go_to(index)
        assert self._file is not None
        try:
            return os.lseek(self._file.descriptor, offset, _SEEK_DATA) >= offset + size
        except OSError as error:  # no data from there on, or no such seeking here
            return error.errno == errno.ENXIO and self._has_length(source)

    def _has_length(self, source: Source) -> bool:
        assert self._file is not None
        return os.fstat(self._file.descriptor).st_size == source.size

    def read(self, position: int, buffer: memoryview) -> int:
        """Fill some of the buffer from this position on, of one file; return how many bytes."""
        # Of files with the same start only the last has bytes, the others are empty.
        index = bisect_right(self._starts, position) - 1
        source = self._sources[index]
        self._go_to(index)
        assert self._file is not None
        offset = position - self._starts[index]
        try:
            count = self._file.read_into(offset, buffer[: source.size - offset])
        except OSError as error:
            raise Unreadable(source) from error
        if not count:
            raise Changed(source)
        return count

    def _go_to(self, index: int) -> None:
        """Open a file, unless it is the one that is open. Raises Unreadable, Changed."""
        if index == self._index and self._file is not None:
            return
        source = self._sources[index]
        try:
            self._leave()
            self._open(index)
        except OSError as error:
            raise Unreadable(source) from error
        except Replaced:
            raise Changed(source) from None

    def close(self) -> None:
        """Close what is open. Raises Changed where the last file changed since it was found."""
        try:
            self._leave()
        finally:
            self._trail.close()

    def _open(self, index: int) -> None:
        source = self._sources[index]
        self._file = Handle(self._trail.open(source.root, source.root_id, source.steps))
        self._index = index
        # Check before the first read: a replacement must not be read.
        if not source.is_unchanged(os.fstat(self._file.descriptor)):
            raise Changed(source)

    def _leave(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            try:
                status = os.fstat(file.descriptor)
            finally:
                os.close(file.descriptor)
            if not self._sources[self._index].is_unchanged(status):
                raise Changed(self._sources[self._index])
