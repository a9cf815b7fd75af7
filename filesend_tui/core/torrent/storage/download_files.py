"""Files being downloaded, from their allocation to their final place.

Every method blocks and may be called from any thread. A download's bytes go to part files in a
hidden folder (part_folder.py) and are moved into place at the end, never overwriting anything
(place.py). At no time is more than one read or one piece held in memory. What to fetch, from
which peer and when is never decided here.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Self

from filesend_tui.core.errors import StorageFailed
from filesend_tui.core.torrent.metainfo.attributes import (
    NOTHING,
    Attributes,
    Extras,
    file_mode,
    folder_mode,
)
from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.storage import dir_handle as system
from filesend_tui.core.torrent.storage.dir_cache import DirCache
from filesend_tui.core.torrent.storage.disk_error import disk_error
from filesend_tui.core.torrent.storage.disk_space import check_room
from filesend_tui.core.torrent.storage.extents import (
    SPILL,
    FileSlice,
    pieces_of,
    selected_files,
    share_held,
)
from filesend_tui.core.torrent.storage.file_handles import Handle, HandlePool
from filesend_tui.core.torrent.storage.file_sync import sync_files
from filesend_tui.core.torrent.storage.part_folder.part_folder import PartFolder
from filesend_tui.core.torrent.storage.part_folder.traces import Meddled, Traces
from filesend_tui.core.torrent.storage.paths import folding, lay_out
from filesend_tui.core.torrent.storage.piece_store import PieceStore, slices_in, verify
from filesend_tui.core.torrent.storage.place import place
from filesend_tui.core.torrent.storage.preallocate import make_file
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.wire.bitfield import Bitfield


class Layout(StrEnum):
    """How a torrent of several files is laid out in the target folder."""

    #: In a folder of the torrent's own name.
    FOLDER = "folder"
    #: Its top-level files and folders each by themselves.
    LOOSE = "loose"


class DownloadFiles(PieceStore):
    """A download: part files that become the wanted files once every wanted piece is written.

    `create` makes one. wanted_pieces: those that hold bytes of a wanted file. wanted_bytes: of the
    wanted files alone, without the bytes of others in the pieces at their edges.
    """

    def __init__(
        self, info: TorrentInfo, folder: Path, part: PartFolder, wanted: Sequence[int]
    ) -> None:
        super().__init__(info)
        self._folder = folder
        self._part = part
        self._wanted = frozenset(wanted)
        self.wanted_pieces = frozenset(i for number in wanted for i in pieces_of(info, number))
        self.wanted_bytes = sum(info.files[number].length for number in wanted)
        self._extents, self._spilled = selected_files(info, self._wanted, self.wanted_pieces)
        self._places: dict[int, tuple[str, ...]] = {}
        self._placed: dict[str, str] = {}
        self._folders: dict[tuple[str, ...], Attributes] = {}
        self._attributes: dict[int, Attributes] = {}
        self._traces = Traces(lambda number: info.files[number].length)
        self._written: set[int] = set()
        self._finished = False
        self._lock = threading.RLock()
        self._tree, self._target = DirCache(part.tree), DirCache(part.target)
        self._files = HandlePool(self._open, writable=True)
        self._spill = HandlePool(
            lambda _, flags: part.ground.open(part.spill, flags), writable=True
        )

    @classmethod
    def create(
        cls,
        info: TorrentInfo,
        folder: Path | Target,
        *,
        wanted: Sequence[bool],
        layout: Layout,
        extras: Extras = NOTHING,
    ) -> Self:
        """Return a new download into `folder`, with disk space allocated for all of it.

        Args:
            info: The torrent.
            folder: The target folder, as it was chosen or, for a path, as it is now; made where it
                does not exist.
            wanted: Whether to fetch each of the torrent's files. Pads (BEP 47) are never wanted.
            layout: How several files are laid out in it; a single file is put there itself.
            extras: Attributes of files and folders beside names and bytes, kept as far as this
                machine and its umask allow.

        Raises:
            NoSpace: The wanted files do not fit.
            StorageFailed: The same torrent is being downloaded there, the folder was replaced, or
                the disk failed.
            ValueError: `wanted` or `extras.files` does not have one entry for each file.
        """
        if len(wanted) != len(info.files) or len(extras.files) not in (0, len(wanted)):
            raise ValueError("one answer for each file is needed")
        chosen = [n for n, file in enumerate(info.files) if wanted[n] and not file.pad]
        try:
            target = Target.of(folder)
            part = PartFolder.claim(target, info.info_hash)
        except OSError as error:
            raise disk_error(
                error, f"preparing {folder.path if isinstance(folder, Target) else folder}"
            ) from error
        store = cls(info, target.path, part, chosen)
        try:
            check_room(target, store.wanted_bytes + store._spilled)
            store._lay_out(chosen, layout, extras)
            store._allocate()
        except BaseException as error:
            store.discard()
            if isinstance(error, OSError):
                raise disk_error(error, f"making room in {target.path}") from error
            raise
        return store

    def write_piece(self, index: int, data: bytes | bytearray | memoryview) -> None:
        """Write a verified piece. Idempotent.

        Raises:
            ValueError: It is not exactly one wanted piece.
            NoSpace, StorageFailed: The disk failed, or the download is over.
        """
        self.write_pieces(range(index, index + 1), data)

    def write_pieces(self, pieces: range, data: bytes | bytearray | memoryview) -> None:
        """Write a run of verified pieces; see write_piece. Idempotent.

        Raises:
            ValueError: They are not exactly these wanted pieces.
            NoSpace, StorageFailed: The disk failed, or the download is over.
        """
        if not self.wanted_pieces.issuperset(pieces) or len(data) != self._length_of(pieces):
            raise ValueError("these are not wanted pieces")
        if self._written.issuperset(pieces):
            return
        view = memoryview(data)
        start = pieces.start * self._info.shape.piece_length
        try:
            for span in self._extents.find(start, len(view)):
                with self._pool(span.file).use(span.file) as handle:
                    self._write(span, handle, view[: span.length])
                view = view[span.length :]
        except OSError as error:
            raise self._gone(error) or disk_error(error, f"writing into {self._folder}") from error
        with self._lock:
            self._written.update(pieces)

    def read_into(self, start: int, view: memoryview) -> None:
        """See PieceStore; pieces that were written stay readable after `finish`."""
        piece_length = self._info.shape.piece_length
        pieces = range(start // piece_length, -(-(start + len(view)) // piece_length))
        if not self._written.issuperset(pieces):
            raise StorageFailed("A piece was asked for that is not here yet.")
        try:
            self._read(start, view, self._files)
        except OSError as error:
            raise disk_error(error, f"reading from {self._folder}") from error

    def check(self, index: int) -> None:
        """See PieceStore."""
        data = self.read(index, 0, self._info.shape.piece_size(index))
        if not verify(self._info, index, data):
            raise StorageFailed(
                f"What was received into {self._folder} was changed by another program.",
                "Find out which one does, or choose another folder, and have it sent again.",
            )

    def finish(self) -> Path:
        """Put the wanted files in place and return the file, or the folder that holds them.

        Nothing that exists is overwritten: `name` becomes `name (1)`. The bytes are synced to the
        disk before the first name appears, and are those that were verified. After a failure it may
        be called again; after success only `read`, `file_progress`, `where` and `close` may be.

        Raises:
            StorageFailed: Pieces are missing, another program changed a part file, the download is
                over, or the disk failed.
            NoSpace: The disk reported only now that it is full.
        """
        with self._lock:
            if not self._finished:
                if self._written != self.wanted_pieces:
                    raise StorageFailed("Not all of it has arrived.")
                try:
                    self._settle()
                except OSError as error:
                    moving = f"moving files into {self._folder}"
                    raise self._gone(error) or disk_error(error, moving) from error
            return self._placed_in(self._folder)

    def where(self) -> Path:
        """Return the present path of that, even if the folder was renamed meanwhile.

        Raises:
            StorageFailed: It is unknown.
        """
        folder = self._part.target.where()
        if folder is None:
            raise StorageFailed(
                f"It arrived, but {self._folder} was replaced or taken away meanwhile.",
                "Look for it in the folder that was there before.",
            )
        return self._placed_in(folder)

    def _placed_in(self, folder: Path) -> Path:
        return folder / next(iter(self._placed.values())) if len(self._placed) == 1 else folder

    def discard(self) -> None:
        """Close everything and delete the part files; what `finish` put in place stays.

        Raises:
            StorageFailed: Something could not be deleted.
        """
        with self._lock:
            self._close_pools()
            try:
                # Another program may have deleted it first.
                with suppress(FileNotFoundError):
                    self._part.remove()
            except OSError as error:
                raise disk_error(error, f"deleting {self._part.path}") from error
            finally:
                self._part.close()

    def close(self) -> None:
        """Close everything; an unfinished download's part files stay where they are."""
        with self._lock:
            if self._finished:
                self.discard()
            else:
                self._close_pools()
                self._part.close()

    def file_progress(self, have: Bitfield) -> tuple[float, ...]:
        """Return how much of each of the torrent's files is in the pieces of `have`, 0 to 1.

        A file that is not wanted is 0, a wanted empty one 1.
        """
        bits = have.to_bytes()
        return tuple(
            share_held(self._info, number, bits) if number in self._wanted else 0.0
            for number in range(len(self._info.files))
        )

    # -- the steps of a download

    def _lay_out(self, chosen: Sequence[int], layout: Layout, extras: Extras) -> None:
        """Choose the path of each wanted file, below the tree and later below the folder."""
        info = self._info
        root = (info.name,) if layout is Layout.FOLDER and not info.single else ()
        paths = [(*root, *info.files[number].path) for number in chosen]
        folders = [folder.parts for folder in extras.folders]
        places = lay_out(paths, folding(self._part.tree), folders=folders)
        self._places = dict(zip(chosen, places[: len(chosen)], strict=True))
        kept = [folder.attributes for folder in extras.folders]
        self._folders = dict(zip(places[len(chosen) :], kept, strict=True))
        self._attributes = dict(enumerate(extras.files))

    def _allocate(self) -> None:
        """Make every part file at its full length: a full disk fails now, not at 99 %."""
        tree = self._part.tree
        for folder in {*self._folders, *(parts[:-1] for parts in self._places.values())}:
            tree.make_folders(folder)
        for number, parts in self._places.items():
            make_file(self._tree, parts, self._info.files[number].length)
        if self._spilled:
            make_file(self._part.ground, self._part.spill, self._spilled)

    def _settle(self) -> None:
        part = self._part
        unsettled = {n: p for n, p in self._places.items() if p[0] not in self._placed}
        sync_files(part.tree, tuple(unsettled.values()))
        with self._files.suspended():
            self._verify_again([n for n, p in unsettled.items() if not self._is_as_left(n, p)])
            self._keep_attributes(unsettled)
            for name in dict.fromkeys(parts[0] for parts in (*unsettled.values(), *self._folders)):
                if name not in self._placed:
                    self._placed[name] = place(part.tree, name, part.target, name)
        self._finished = True
        if not self._spilled:
            part.remove()
        elif system.DELETES_OPEN:
            # While open it stays readable though deleted. On Windows it is kept until `close`.
            with self._spill.use(SPILL):
                part.remove()

    def _keep_attributes(self, files: Mapping[int, tuple[str, ...]]) -> None:
        """Set the kept attributes of files and folders, before they appear in the target."""
        # The mode of a new folder there is what the umask allows.
        allowed = stat.S_IMODE(self._part.tree.status().st_mode)
        for number, kept in self._attributes.items():
            if number in files:
                mode = None if kept.mode is None else file_mode(kept.mode, allowed)
                usual = mode == 0o666 & allowed
                self._tree.keep(files[number], None if usual else mode, kept.modified_ns)
                if kept.modified_ns is not None:
                    self._traces.dated(number, kept.modified_ns)
        # Innermost first, as changes in a folder update its time.
        waiting = [(p, k) for p, k in self._folders.items() if p[0] not in self._placed]
        for parts, kept in sorted(waiting, key=lambda each: -len(each[0])):
            mode = None if kept.mode is None else folder_mode(kept.mode, allowed)
            self._tree.keep(parts, None if mode == allowed else mode, kept.modified_ns)

    def _gone(self, error: OSError | None) -> StorageFailed | None:
        """Return the error for a deleted folder; None where that is not the cause."""
        if error is not None and error.errno not in (errno.ENOENT, getattr(errno, "ESTALE", -1)):
            return None
        for ground in (self._part.target, self._part.ground, self._part.tree):
            if ground.is_gone:
                return StorageFailed(
                    f"{ground.path} was deleted while files arrived in it.",
                    "Choose a folder that stays, and have it sent again.",
                )
        return None

    def _is_as_left(self, number: int, parts: tuple[str, ...]) -> bool:
        status = self._tree.look(parts)
        if status.st_size != self._info.files[number].length:
            raise self._meddled(number)
        return self._traces.are_of(number, status)

    def _verify_again(self, numbers: Sequence[int]) -> None:
        """Verify the content of part files whose status is not as this program left it.

        File systems differ in the times and inode numbers they report; only the content is proof.
        Call it while the handles are suspended: the files are opened anew, by their names.
        """
        anew = HandlePool(self._open, writable=False)
        try:
            for number in numbers:
                for index in pieces_of(self._info, number):
                    data = bytearray(self._info.shape.piece_size(index))
                    self._read(index * self._info.shape.piece_length, memoryview(data), anew)
                    if not verify(self._info, index, data):
                        raise self._meddled(number)
        finally:
            anew.close()

    def _write(self, span: FileSlice, handle: Handle, data: memoryview) -> None:
        number = span.file
        if number == SPILL:
            handle.write_at(span.offset, data)
            return
        try:
            with self._traces.writing(number, handle.descriptor):
                handle.write_at(span.offset, data)
        except Meddled:
            raise self._gone(None) or self._meddled(number) from None

    def _read(self, start: int, view: memoryview, files: HandlePool) -> None:
        for span in slices_in(self._extents, start, len(view)):
            pool = self._spill if span.file == SPILL else files
            with pool.use(span.file) as handle:
                count = handle.read_into(span.offset, view[: span.length])
            if count != span.length:
                raise StorageFailed(
                    f"A file in {self._folder} became shorter while it was passed on.",
                    "Another program changed it; have it sent again.",
                )
            view = view[span.length :]

    def _meddled(self, number: int) -> StorageFailed:
        path = self._folder.joinpath(*self._places[number])
        return StorageFailed(
            f"Another program changed {path} while it arrived.",
            "Find out which one does, or choose another folder, and have it sent again.",
        )

    def _open(self, number: int, flags: int) -> int:
        """Open a wanted file where it is now."""
        top, *rest = self._places[number]
        placed = self._placed.get(top)
        if placed is None:
            return self._tree.open((top, *rest), flags)
        descriptor = self._target.open((placed, *rest), flags)
        if not self._traces.is_ours(number, os.fstat(descriptor)):
            os.close(descriptor)
            raise StorageFailed(f"{self._folder / placed} was changed after it arrived.")
        return descriptor

    def _length_of(self, pieces: range) -> int:
        shape = self._info.shape
        end = min(pieces.stop * shape.piece_length, shape.total_length)
        return end - pieces.start * shape.piece_length

    def _pool(self, number: int) -> HandlePool:
        return self._spill if number == SPILL else self._files

    def _close_pools(self) -> None:
        self._files.close()
        self._spill.close()
        self._tree.close()
        self._target.close()
