"""Files being sent, read in place: never written, and refused once they changed.

Every method blocks and may be called from any thread. Which files there are is scan.py's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from itertools import groupby
from typing import Final

from filesend_tui.core.errors import BadSource
from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.sources.doubted_pieces import Doubts
from filesend_tui.core.torrent.sources.source_files import SourceFile, SourceFiles
from filesend_tui.core.torrent.storage.dir_cache import Replaced, RootedDirCache
from filesend_tui.core.torrent.storage.extents import FileSlice, whole_files
from filesend_tui.core.torrent.storage.file_handles import MAX_OPEN, Handle, HandlePool
from filesend_tui.core.torrent.storage.piece_store import PieceStore, slices_in, verify
from filesend_tui.core.torrent.storage.preallocate import SMALL
from filesend_tui.core.util.file_id import changed_ns
from filesend_tui.core.util.text import path_text

#: How many files an error names of which one changed.
_NAMED: Final = 2


class SeedFiles(PieceStore):
    """The files being sent, read in place and never written.

    A program can change a file and set its modification time back, but not its ctime. Where the
    ctime differs, each piece is compared with its hash as it is read: the change may be of the
    file's mode or link count alone.

    Args:
        info: The torrent made of them.
        sources: Its files in the torrent's order, as they were when it was made.
    """

    def __init__(self, info: TorrentInfo, sources: Sequence[SourceFile]) -> None:
        super().__init__(info)
        self._sources = SourceFiles.of(sources)
        self._extents = whole_files(info)
        self._trail = RootedDirCache()
        self._files = HandlePool(self._open, writable=False)
        self._many = len(self._sources) > MAX_OPEN
        self._changed = self._sources.changed
        self._doubts = Doubts(info, self._changed)

    def read_into(self, start: int, view: memoryview) -> None:
        """See PieceStore."""
        touched = self._read(start, view)
        if touched:
            length = self._info.shape.piece_length
            pieces = range(start // length, -(-(start + len(view)) // length))
            for index in self._doubts.of(pieces, touched):
                self.check(index)
                self._doubts.settle(index, touched)

    def check(self, index: int) -> None:
        """See PieceStore."""
        start = index * self._info.shape.piece_length
        data = bytearray(self._info.shape.piece_size(index))
        touched = self._read(start, memoryview(data))
        if not verify(self._info, index, data):
            suspects = touched or [span.file for span in self._extents.find(start, len(data))]
            raise _changed([self._sources[number] for number in suspects])

    def _read(self, start: int, view: memoryview) -> dict[int, int]:
        """Fill `view`; return the files whose ctime changed since they were found, with it."""
        touched: dict[int, int] = {}
        for whole, spans in groupby(slices_in(self._extents, start, len(view)), self._is_small):
            if whole:
                with self._files.visiting() as visit:
                    view = self._read_spans(spans, view, visit, touched)
            else:
                view = self._read_spans(spans, view, self._files.use, touched)
        return touched

    def _is_small(self, span: FileSlice) -> bool:
        """Return whether a span is all of a small file, which is read once and not kept open.

        Fewer files than are kept open are: what replaces them meanwhile disturbs nobody.
        """
        small = span.length <= SMALL and not span.offset
        return self._many and small and span.length == self._sources.sizes[span.file]

    def _read_spans(
        self,
        spans: Iterable[FileSlice],
        view: memoryview,
        use: Callable[[int], AbstractContextManager[Handle]],
        touched: dict[int, int],
    ) -> memoryview:
        """Read spans of files; return what is left to be filled."""
        for span in spans:
            self._read_span(span, view, use, touched)
            view = view[span.length :]
        return view

    def _read_span(
        self,
        span: FileSlice,
        view: memoryview,
        use: Callable[[int], AbstractContextManager[Handle]],
        touched: dict[int, int],
    ) -> None:
        count, status = 0, None
        try:
            with suppress(Replaced), use(span.file) as handle:
                count = handle.read_into(span.offset, view[: span.length])
                status = os.fstat(handle.descriptor)
        except OSError as error:
            source = self._sources[span.file]
            raise BadSource(
                f"{path_text(source.path)} can no longer be read: {error.strerror}.",
                "Send it again once it can.",
                told=f"{source.name} can no longer be read where it is.",
            ) from error
        unchanged = status is not None and self._sources.is_unchanged(span.file, status)
        if status is None or not unchanged or count != span.length:
            raise _changed([self._sources[span.file]])
        changed = changed_ns(status)
        if changed is not None and self._changed[span.file] not in (None, changed):
            touched[span.file] = changed

    def close(self) -> None:
        """See PieceStore."""
        self._files.close()
        self._trail.close()

    def _open(self, number: int, _flags: int) -> int:
        return self._trail.open(*self._sources.place(number))


def _changed(suspects: Sequence[SourceFile]) -> BadSource:
    """Return the error for a changed file; which of several suspects is unknown."""
    rest = len(suspects) - _NAMED
    more = [f"{rest:,} more"] if rest > 0 else []
    what = "changed while it was being sent."
    return BadSource(
        f"{' or '.join([*(path_text(each.path) for each in suspects[:_NAMED]), *more])} {what}",
        "Wait until nothing writes to it, or make a copy and send that.",
        told=f"{' or '.join([*(each.name for each in suspects[:_NAMED]), *more])} {what}",
    )
