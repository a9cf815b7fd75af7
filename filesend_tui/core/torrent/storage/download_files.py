"""Files being downloaded, from their allocation to their final place.

Every method blocks and may be called from any thread. A download's bytes go to part files in a
hidden folder (part_folder.py) and are moved into place at the end, overwriting nothing (place.py)
but what a person agreed to (arrival/). One that is kept goes on with what an earlier run left
there. At no time is more than one read or one piece held in memory. What to fetch, from which peer
and when is never decided here.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import NoReturn, Self

from filesend_tui.core.choices import ARRIVING, Arriving
from filesend_tui.core.errors import NoSpace, StorageFailed
from filesend_tui.core.torrent.metainfo.attributes import (
    NOTHING,
    Extras,
    kept_time,
)
from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.storage import dir_handle as system
from filesend_tui.core.torrent.storage.arrival import links
from filesend_tui.core.torrent.storage.arrival.existing import replacing
from filesend_tui.core.torrent.storage.arrival.keeping import Keeping
from filesend_tui.core.torrent.storage.arrival.merging import merge
from filesend_tui.core.torrent.storage.arrival.placed import Parts, Placed
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
from filesend_tui.core.torrent.storage.file_handles import MAX_OPEN, Handle, HandlePool, Visit
from filesend_tui.core.torrent.storage.file_sync import sync_files, sync_names
from filesend_tui.core.torrent.storage.free_space import free_space
from filesend_tui.core.torrent.storage.part_files import PartFiles, Unusable
from filesend_tui.core.torrent.storage.part_folder import manifest
from filesend_tui.core.torrent.storage.part_folder.kept import Kept
from filesend_tui.core.torrent.storage.part_folder.manifest import Manifest
from filesend_tui.core.torrent.storage.part_folder.part_folder import PartFolder
from filesend_tui.core.torrent.storage.part_folder.places import Places
from filesend_tui.core.torrent.storage.part_folder.traces import Meddled, Traces, no_note
from filesend_tui.core.torrent.storage.part_folder.written import Mark, Written
from filesend_tui.core.torrent.storage.piece_store import PieceStore, slices_in, verify
from filesend_tui.core.torrent.storage.place import place
from filesend_tui.core.torrent.storage.preallocate import SMALL
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.util.figures import size_text
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
    wanted files alone, without the bytes of others in the pieces at their edges. kept: the pieces
    of an earlier run that count already, as do those that are holes, and those that count once
    `recheck` finds them right. unmade: links that could not be made here, once it is finished.
    """

    def __init__(
        self,
        info: TorrentInfo,
        folder: Path,
        part: PartFolder,
        wanted: Sequence[int],
        *,
        keep: bool,
        arriving: Arriving = ARRIVING,
    ) -> None:
        super().__init__(info)
        self._arriving = arriving
        self.unmade: tuple[Parts, ...] = ()
        self._folder = folder
        self._part = part
        # All of them are a range, which takes no memory.
        self._wanted = wanted if isinstance(wanted, range) else frozenset(wanted)
        self.wanted_pieces = frozenset(i for number in wanted for i in pieces_of(info, number))
        self.wanted_bytes = sum(info.files.lengths[number] for number in wanted)
        self._extents, self._spilled = selected_files(info, self._wanted, self.wanted_pieces)
        self._many = len(wanted) > MAX_OPEN  # fewer stay open
        self._parts = PartFiles(info, part, wanted, self._spilled, late=self._many)
        self._placed = Placed()
        self._log = Written(part.ground, info.shape, len(info.files)) if keep else None
        self._traces = Traces(self._parts.length, self._log.leave if self._log else no_note)
        self._keeping = Keeping(self._parts, part.tree, self._traces)
        self.kept = Kept()
        self._written: set[int] = set()
        self._finished = False
        self._lock = threading.RLock()
        self._begun: set[int] = set()
        self._writing: set[int] = set()
        self._turn = threading.Condition()
        self._target = DirCache(part.target)
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
        keep: bool = False,
        transfer: str | None = None,
        arriving: Arriving = ARRIVING,
    ) -> Self:
        """Return a download into `folder`, with disk space allocated for all of it.

        Args:
            info: The torrent.
            folder: The target folder, as it was chosen or, for a path, as it is now; made where it
                does not exist.
            wanted: Whether to fetch each of the torrent's files. Pads (BEP 47) are never wanted.
            layout: How several files are laid out in it; a single file is put there itself.
            extras: Attributes of files and folders beside names and bytes, kept as far as this
                machine and its umask allow.
            keep: Go on with what an earlier run of this torrent left in the folder, and describe
                it there so that a later one can; `close` then leaves it.
            transfer: The transfer that it belongs to, for that description.
            arriving: How it is put where it goes.

        Raises:
            NoSpace: The wanted files do not fit. What an earlier run left stays.
            StorageFailed: The same torrent is being downloaded there, the folder was replaced, or
                the disk failed. Either may pass (disk_error.py) only where an earlier run left
                something: what has nothing yet is refused.
            ValueError: `wanted` or `extras.files` does not have one entry for each file.
        """
        if len(wanted) != len(info.files) or len(extras.files) not in (0, len(wanted)):
            raise ValueError("one answer for each file is needed")
        chosen: Sequence[int] = range(len(wanted))
        if info.files.pads or not all(wanted):
            chosen = [n for n, yes in enumerate(wanted) if yes and n not in info.files.pads]
        try:
            target = Target.of(folder)
            part = PartFolder.claim(target, info.info_hash, keep=keep)
        except OSError as error:
            raise disk_error(
                error, f"preparing {folder.path if isinstance(folder, Target) else folder}"
            ) from None
        store = cls(info, target.path, part, chosen, keep=keep, arriving=arriving)
        try:
            described = Manifest.of(wanted, layout, extras, transfer)
            store._prepare(target, layout, extras, described)
        except BaseException as error:
            if part.found is None:
                store.discard()
            else:
                store.close()
            if isinstance(error, OSError):
                may_pass = error if part.found is not None else None
                raise disk_error(error, f"making room in {target.path}") from may_pass
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
        with self._alone(pieces):
            if self._written.issuperset(pieces):
                return
            try:
                self._write_runs(pieces, memoryview(data))
                if self._log is not None:
                    self._log.mark(pieces)
            except OSError as error:
                self._fail(error, f"writing into {self._folder}")
            with self._lock:
                self._written.update(pieces)

    def recheck(self, index: int) -> bool:
        """Compare a doubted piece with its hash; return whether it is right, and so is here.

        Raises:
            NoSpace, StorageFailed: The disk failed, or the download is over.
        """
        data = bytearray(self._info.shape.piece_size(index))
        try:
            self._read(index * self._info.shape.piece_length, memoryview(data), self._files)
            right = verify(self._info, index, data)
            if self._log is not None:
                self._log.mark(range(index, index + 1), Mark.WRITTEN if right else Mark.MISSING)
        except OSError as error:
            self._fail(error, f"reading from {self._folder}")
        if right:
            with self._lock:
                self._written.add(index)
        return right

    def read_into(self, start: int, view: memoryview) -> None:
        """See PieceStore; pieces that were written stay readable after `finish`."""
        piece_length = self._info.shape.piece_length
        pieces = range(start // piece_length, -(-(start + len(view)) // piece_length))
        if not self._written.issuperset(pieces):
            raise StorageFailed("A piece was asked for that is not here yet.")
        try:
            self._read(start, view, self._files)
        except OSError as error:
            self._fail(error, f"reading from {self._folder}")

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

        Nothing that exists is overwritten: `name` becomes `name (1)`; but for what was agreed to
        when it was created. The bytes are synced to the
        disk before the first name appears, and are those that were verified; the names are synced
        before it returns. After a failure it may
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
                    self._fail(error, f"moving files into {self._folder}")
            return self._placed_in(self._folder)

    def look_again(self) -> None:
        """Return where the disk takes what is to be written; raise why it does not.

        Raises:
            NoSpace: Still not all of it fits, or a quota is used up.
            StorageFailed: It cannot be written to.
        """
        try:
            # They are opened anew: the handles of before may be of no use.
            with self._files.renewed(), self._spill.renewed():
                pass
            try:
                self._try_to_write()
            except OSError as error:
                if error.errno == errno.ENOSPC or not self._find_again():
                    raise
                self._try_to_write()
        except OSError as error:
            self._fail(error, f"writing into {self._folder}")

    def _try_to_write(self) -> None:
        if self._finished:
            return  # only what is not needed any more may be left of the part folder
        piece = 0 if self._all_in_place else self._info.shape.piece_length
        self._ask_for_room(max(self._parts.lacking(self._placed), piece))
        self._part.probe(piece)

    @property
    def holes(self) -> frozenset[int]:
        """The wanted pieces that are zeros, and so are neither fetched nor stored."""
        return self._parts.zeros

    @property
    def _all_in_place(self) -> bool:
        return self._placed.has_all((name,) for name in self._parts.tops)

    def _ask_for_room(self, needed: int) -> None:
        missing = needed - free_space(self._folder)
        if missing > 0:
            raise NoSpace(
                f"The disk of {self._folder} is full: {size_text(missing)} more are needed.",
                missing=missing,
            ) from OSError(errno.ENOSPC, "No space left on device")

    def _find_again(self) -> bool:
        """Go on in the folder that is at its path now; return whether it is the one of before.

        What was written counts on, and is verified again at the end; a later run verifies it first.
        """
        with ExitStack() as renewed, suppress(OSError):
            for pool in (self._files, self._spill, self._log):
                if pool is not None:
                    renewed.enter_context(pool.renewed())
            if not self._part.find_again():
                return False
            if self._log is not None:
                with self._lock:
                    kept = Kept(doubted=frozenset(self._written))
                self._log.begin(kept.marks(self._info.shape.piece_count))
            self._target.close()
            self._parts.find_again(self._traces)
            return True
        return False

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
        if self._arriving.merges and self._placed:
            tops = {at[0] for at in map(self._placed.of, self._parts.places.values()) if at}
            return folder / tops.pop() if len(tops) == 1 else folder
        return folder.joinpath(*self._placed.only or ())

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

    def pieces_only_of(self, files: Collection[int]) -> frozenset[int]:
        """Return the wanted pieces that hold bytes of no other wanted file than of these."""
        if not files:
            return frozenset()
        left = frozenset(files)
        needed = {
            index
            for number in self._wanted
            if number not in left
            for index in pieces_of(self._info, number)
        }
        return self.wanted_pieces - needed

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

    def _prepare(
        self,
        target: Target,
        layout: Layout,
        extras: Extras,
        described: Manifest,
    ) -> None:
        """Have part files of full length: those of an earlier run, where it can be gone on with."""
        part, files, found = self._part, self._parts, self._part.found
        root = (self._info.name,) if layout is Layout.FOLDER and not self._info.single else ()
        if found is not None and self._log is not None:
            files.lay_out(root, extras)
            files.find_holes(self.wanted_pieces)
            alike = (found.manifest.wanted, found.manifest.layout) == (described.wanted, layout)
            placed = manifest.read_placed(part.ground)
            if placed is not None and alike and self._is_in_place(Placed(placed)):
                return
            try:
                if placed is not None:
                    raise Unusable  # it arrived, and was moved or changed since
                files.clear_strays()
            except Unusable:
                part.begin_anew()
                files.tree = DirCache(part.tree)
            else:
                self._ask_for_room(files.lacking())
                self.kept = files.take_up(
                    self._log,
                    self._traces,
                    trusted=part.same_boot and alike,
                    wanted=self.wanted_pieces,
                    files_of=self._files_of,
                )
                self._written = set(self.kept.have)
                manifest.rewrite(part.ground, described, found.manifest)
                part.take_over()
                return
        files.find_holes(self.wanted_pieces)
        check_room(target, files.filled_bytes + self._spilled)
        files.lay_out(root, extras)
        files.make()
        self._written = set(files.zeros)
        self.kept = Kept(have=files.zeros)
        if self._log is not None:
            self._log.begin(self.kept.marks(self._info.shape.piece_count))
            manifest.write(part.ground, self._info, described)
        files.note_holes(self._traces)

    def _is_in_place(self, placed: Placed) -> bool:
        """Return whether an earlier run put all in place and ended just then: this is over too."""
        assert self._log is not None
        if not self._parts.are_in_place(self._log, self._traces, self._target, placed):
            return False
        with self._files.suspended():  # they are only read from now on
            self._placed = placed
        self._written = set(self.wanted_pieces)
        self.kept = Kept(have=self.wanted_pieces)
        self._finished = True
        return True

    def _files_of(self, index: int) -> set[int]:
        shape = self._info.shape
        start, size = index * shape.piece_length, shape.piece_size(index)
        return {span.file for span in self._extents.find(start, size)}

    def _settle(self) -> None:
        part = self._part
        places: Mapping[int, Parts] = self._parts.places
        if self._placed:
            left = [(n, p) for n, p in places.items() if self._placed.of(p) is None]
            places = Places([n for n, _ in left], [p for _, p in left])
        sync_files(part.tree, places.values())
        with self._files.suspended():
            self._verify_again([n for n, p in places.items() if not self._is_as_left(n, p)])
            self._keeping.set_all(places)
            waiting = (each for each in self._parts.links if self._placed.of(each.place) is None)
            unmade = links.make(part.tree, waiting)
            self.unmade = tuple(dict.fromkeys((*self.unmade, *unmade)))
            self._keeping.set_folders(self._placed)
            self._put_in_place()
        if self._log is not None:
            # A process may end before the part folder is gone: the next run must not begin anew. A
            # full disk has no room for that, and is no reason not to end: the folder goes at once.
            with suppress(OSError):
                manifest.write_placed(part.ground, self._placed.told())
        sync_names(part.target)
        self._finished = True
        if self._log is not None:
            self._log.close()
        if not self._spilled:
            part.remove()
        elif system.DELETES_OPEN:
            # While open it stays readable though deleted. On Windows it is kept until `close`.
            with self._spill.use(SPILL):
                part.remove()

    def _put_in_place(self) -> None:
        part, placed = self._part, self._placed
        attributes, now = self._parts.attributes, time.time_ns()
        numbers: dict[Parts, int] = {}

        def number_of(parts: Parts) -> int | None:
            if not numbers:  # made for the first file that is in the way, if any is
                numbers.update((each, number) for number, each in self._parts.places.items())
            return numbers.get(parts)

        def time_of(number: int) -> int | None:
            return kept_time(attributes[number].modified_ns, now) if attributes else None

        replaces = replacing(self._arriving, time_of, number_of)
        for name in sorted(self._parts.tops):
            if placed.of((name,)) is not None:
                continue
            if self._arriving.merges:
                merge(part.tree, name, part.target, placed=placed, replaces=replaces)
            else:
                placed.add((name,), (place(part.tree, name, part.target, name),))

    def _fail(self, error: OSError, doing: str) -> NoReturn:
        """Raise the error for one of the disk, which is its cause where it may pass by itself."""
        deleted = error.errno in (errno.ENOENT, getattr(errno, "ESTALE", -1))
        if deleted and (gone := self._gone()) is not None:
            raise gone from None
        ground = self._part.ground
        if error.errno == errno.ENOENT and (ground.descriptor is not None or ground.path.exists()):
            raise disk_error(error, doing) from None  # a part file alone is gone
        raise disk_error(error, doing) from error

    def _gone(self) -> StorageFailed | None:
        """Return the error for a deleted folder; None where none was."""
        for ground in (self._part.target, self._part.ground, self._part.tree):
            if ground.is_gone:
                return StorageFailed(
                    f"{ground.path} was deleted while files arrived in it.",
                    "Choose a folder that stays, and have it sent again.",
                )
        return None

    def _is_as_left(self, number: int, parts: tuple[str, ...]) -> bool:
        status = self._parts.tree.look(parts)
        if status.st_size != self._info.files.lengths[number]:
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

    def _is_small(self, span: FileSlice) -> bool:
        """Return whether a span is all of a small file of many: one that is not kept open."""
        small = span.length <= SMALL and not span.offset and span.file != SPILL
        return self._many and small and span.length == self._info.files.lengths[span.file]

    def _use(self, number: int) -> AbstractContextManager[Handle]:
        return self._pool(number).use(number)

    @contextmanager
    def _alone(self, pieces: range) -> Iterator[None]:
        """Let no other thread write these pieces meanwhile: two peers may send the same."""
        with self._turn:
            self._turn.wait_for(lambda: self._writing.isdisjoint(pieces))
            self._writing.update(pieces)
        try:
            yield
        finally:
            with self._turn:
                self._writing.difference_update(pieces)
                self._turn.notify_all()

    def _write_runs(self, pieces: range, view: memoryview) -> None:
        start = pieces.start * self._info.shape.piece_length
        spans = list(self._extents.find(start, len(view)))
        try:
            for small, some in groupby(spans, self._is_small):
                if small:
                    view = self._write_small(some, view)
                else:
                    view = self._write_spans(some, view, self._use)
        finally:
            self._traces.tell({span.file for span in spans})

    def _write_small(self, spans: Iterable[FileSlice], data: memoryview) -> memoryview:
        """Write whole small files, each made now unless it is there; return the rest of data."""
        with self._files.visiting() as visit:
            for span in spans:
                number, content = span.file, data[: span.length]
                if self._parts.is_late(number) and not self._traces.knows(number):
                    self._make(number, content, visit)
                else:
                    with visit(number) as handle:
                        self._write(span, handle, content)
                data = data[span.length :]
        return data

    def _make(self, number: int, content: memoryview, visit: Visit) -> None:
        """Make a late file with all that it holds; one whose disk failed is begun again."""
        flags = os.O_TRUNC if number in self._begun else os.O_EXCL
        try:
            with visit(number, os.O_CREAT | flags) as handle:
                self._begun.add(number)
                handle.write_at(0, content)
                self._keeping.written(number, handle)
                self._traces.made(number, handle.descriptor)
            self._begun.discard(number)
        except FileExistsError:
            raise self._meddled(number) from None

    def _write_spans(
        self,
        spans: Iterable[FileSlice],
        data: memoryview,
        use: Callable[[int], AbstractContextManager[Handle]],
    ) -> memoryview:
        """Write spans of files; return what is left of the data."""
        for span in spans:
            with use(span.file) as handle:
                self._write(span, handle, data[: span.length])
            data = data[span.length :]
        return data

    def _write(self, span: FileSlice, handle: Handle, data: memoryview) -> None:
        try:
            self._traces.begin(span.file, handle.descriptor)
        except Meddled:
            raise self._gone() or self._meddled(span.file) from None
        try:
            self._keeping.changed(span.file)
            handle.write_at(span.offset, data)
        finally:
            self._traces.end(span.file, handle.descriptor)

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
        path = self._folder.joinpath(*self._parts.path(number))
        return StorageFailed(
            f"Another program changed {path} while it arrived.",
            "Find out which one does, or choose another folder, and have it sent again.",
        )

    def _open(self, number: int, flags: int) -> int:
        """Open a wanted file where it is now."""
        parts = self._parts.places[number]
        placed = self._placed.of(parts)
        if placed is None:
            return self._parts.tree.open(parts, flags)
        descriptor = self._target.open(placed, flags)
        if not self._traces.is_ours(number, os.fstat(descriptor)):
            os.close(descriptor)
            raise StorageFailed(f"{self._folder.joinpath(*placed)} was changed after it arrived.")
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
        if self._log is not None:
            self._log.close()
        self._parts.tree.close()
        self._target.close()
