"""The part files of one download: laid out, made at full length, or taken up from an earlier run.

Of many files the small ones are late: made when they are written, each as a whole. To make them all
before costs as much again, and promises no room: that of a small file is not allocated.

By number: those of the torrent's files, and SPILL. What is written to them, and how they are put in
place, is download_files.py's.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice

from filesend_tui.core.torrent.metainfo.attributes import Attributes, Extras
from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.storage.arrival import links
from filesend_tui.core.torrent.storage.arrival.holes import (
    Range,
    filled,
    keeps_holes,
    zero_pieces,
)
from filesend_tui.core.torrent.storage.arrival.placed import Placed
from filesend_tui.core.torrent.storage.dir_cache import DirCache
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.extents import SPILL, pieces_of
from filesend_tui.core.torrent.storage.part_folder.kept import Kept, is_as_left, sort_out
from filesend_tui.core.torrent.storage.part_folder.part_folder import PartFolder
from filesend_tui.core.torrent.storage.part_folder.places import Places
from filesend_tui.core.torrent.storage.part_folder.strays import is_part_file, remove_strays
from filesend_tui.core.torrent.storage.part_folder.traces import Traces
from filesend_tui.core.torrent.storage.part_folder.written import Written
from filesend_tui.core.torrent.storage.paths import Folding, folding, laid_out
from filesend_tui.core.torrent.storage.preallocate import SMALL, make_file, mend_length


class Unusable(Exception):
    """What an earlier run left cannot be gone on with."""


class PartFiles:
    """The part files of the chosen files.

    Args:
        info: The torrent.
        part: Their folder.
        chosen: Numbers of the wanted files.
        spilled: Bytes of the spill.
        late: Whether small files are made when they are written.

    tree: opens them. places: where each is below the tree, and later below the target. folders:
    places of folders that are made besides, or whose attributes are kept. attributes: what is kept
    of the files. links: those to be made at the end. zeros: the pieces that are holes here.
    """

    def __init__(
        self,
        info: TorrentInfo,
        part: PartFolder,
        chosen: Sequence[int],
        spilled: int,
        *,
        late: bool,
    ) -> None:
        self._info = info
        self._part = part
        self._chosen = chosen
        self._spilled = spilled
        self._late = late
        self.tree = DirCache(part.tree)
        self.places = Places()
        self.folders: dict[tuple[str, ...], Attributes] = {}
        self.attributes: Sequence[Attributes] = ()
        self.links: tuple[links.Laid, ...] = ()
        self.zeros: frozenset[int] = frozenset()
        self._same = Folding(case=False, form=False)

    def length(self, number: int) -> int:
        """Return the bytes of a part file."""
        return self._spilled if number == SPILL else self._info.files.lengths[number]

    def is_late(self, number: int) -> bool:
        """Return whether a file is made when it is written: small, and all in one piece.

        One whose piece is a hole is never written.
        """
        length = self.length(number)
        if not self._late or not 0 < length <= SMALL or number == SPILL:
            return False
        pieces = pieces_of(self._info, number)
        return len(pieces) == 1 and pieces[0] not in self.zeros

    def path(self, number: int) -> tuple[str, ...]:
        """Return the path of a part file, below the target, as a person may be told it."""
        return (self._part.path.name, *self._part.spill) if number == SPILL else self.places[number]

    def lay_out(self, root: Sequence[str], extras: Extras) -> None:
        """Choose the place of each file, below the raw names of `root`. Raises OSError."""

        def paths() -> Iterator[tuple[str, ...]]:
            return ((*root, *self._info.files.path(number)) for number in self._chosen)

        self._same = folding(self._part.tree)
        kept = {folder.parts: folder.attributes for folder in extras.folders}
        ends = {link.to for link in extras.links}
        ended: dict[int, tuple[str, ...]] = {}
        if ends:
            pairs = zip(self._chosen, paths(), strict=True)
            ended = {number: path for number, path in pairs if path in ends}
        files = set(ended.values())
        further = [link for link in extras.links if not link.hard or link.to in files]
        named = [link.parts for link in further]
        # What else is led to are folders of files, and files that are in the target already.
        led = {link.to for link in further} - kept.keys() - files - set(named)
        folders = [*kept, *sorted(led)]
        places = laid_out(chain(paths(), named), self._same, folders=folders)
        self.places = Places(self._chosen, islice(places, len(self._chosen)))
        at = {path: self.places[number] for number, path in ended.items()}
        at.update(zip([*named, *folders], places, strict=True))
        self.folders = {at[parts]: attributes for parts, attributes in kept.items()}
        self.attributes = extras.files
        self.links = tuple(links.Laid(at[each.parts], at[each.to], each.hard) for each in further)

    def find_holes(self, wanted: Collection[int]) -> None:
        """Find the wanted pieces that are holes here. Raises OSError."""
        zeros = zero_pieces(self._info, wanted)
        self.zeros = zeros if zeros and keeps_holes(self._part.tree) else frozenset()

    def make(self) -> None:
        """Make every part file that is not late at its full length.

        So a full disk fails now, not at 99 %.

        Raises:
            OSError: There is no room, or the disk failed.
        """
        self._make_folders()
        for number in self._numbers():
            if not self.is_late(number):
                self._make(number)

    def note_holes(self, traces: Traces) -> None:
        """Record new files that nothing is ever written to, as they are holes. Raises OSError."""
        for number in self._chosen if self.zeros else ():
            if self.length(number) and not self._filled(number):
                traces.found(number, self.tree.look(self.places[number]))

    def lacking(self, placed: Placed | None = None) -> int:
        """Return how many bytes the disk has yet to give to the part files.

        Args:
            placed: What is in the target already: nothing is lacking there.

        Raises:
            OSError: The disk failed.
        """
        return sum(
            self._lacks(number, self._look(number))
            for number in self._numbers()
            if number == SPILL or placed is None or placed.of(self.places[number]) is None
        )

    @property
    def filled_bytes(self) -> int:
        """How many bytes of the chosen files are no holes."""
        if not self.zeros:
            return sum(map(self.length, self._chosen))
        return sum(map(self._filled, self._chosen))

    @property
    def tops(self) -> set[str]:
        """The names in the tree itself, each of which is put in place as a whole."""
        linked = (link.place for link in self.links)
        return {parts[0] for parts in chain(self.places.values(), self.folders, linked)}

    # -- going on with what an earlier run left

    def clear_strays(self) -> None:
        """Delete what an earlier run, or another program, left beside the part files.

        Raises:
            Unusable: Something else is where a folder must be.
            OSError: The disk failed.
        """
        part = self._part
        try:
            links.unmake(part.tree, [link.place for link in self.links])
            remove_strays(part.tree, self.places.values(), key=self._same.key)
            (spill,) = part.spill
            with suppress(FileNotFoundError):
                if not self._spilled or not is_part_file(part.ground.look(spill)):
                    part.ground.delete(spill)
            self._make_folders()
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EISDIR):
                raise Unusable from error
            raise

    def take_up(
        self,
        log: Written,
        traces: Traces,
        *,
        trusted: bool,
        wanted: Collection[int],
        files_of: Callable[[int], Collection[int]],
    ) -> Kept:
        """Mend and make the part files; return which pieces in them count, and which may.

        Args:
            log: What the earlier run told of them; from now on of this run.
            traces: The files as this run has found them.
            trusted: The earlier run was in this boot of the machine, with the same choice.
            wanted: The pieces that are wanted now.
            files_of: Returns the numbers of the part files that hold a piece.

        Raises:
            OSError: There is no room, or the disk failed.
        """
        told = log.read()
        vouched, lost = set[int](), set[int]()
        for number in self._numbers():
            status = self._look(number)
            if status is None:
                if not self.is_late(number):
                    self._make(number)
                lost.add(number)
            elif status.st_size != self.length(number):
                mend_length(*self._at(number), self.length(number))
            elif trusted and told is not None and is_as_left(told.left[number + 1], status):
                vouched.add(number)
        kept = sort_out(told, wanted, files_of=files_of, vouched=vouched, lost=lost)
        # First what is doubted is told to be; only then are the files told to be as they are now.
        log.begin(kept.marks(self._info.shape.piece_count))
        for number in self._numbers():
            if (status := self._look(number)) is not None:
                traces.found(number, status)
        return kept

    def are_in_place(self, log: Written, traces: Traces, target: DirCache, placed: Placed) -> bool:
        """Return whether the files are in the target, just as an earlier run put them there.

        Args:
            log: What that run told of them.
            traces: The files as they are found there.
            target: Where they were put.
            placed: Where they were put.

        Raises:
            OSError: The disk failed.
        """
        told = log.read()
        if told is None or not placed or not placed.is_sane:
            return False
        for number, parts in self.places.items():
            at = placed.of(parts)
            if at is None:
                return False
            with suppress(FileNotFoundError, NotADirectoryError):
                status = target.look(at)
                # An empty file was never written to.
                never = not self.length(number) and not status.st_size
                if never or is_as_left(told.left[number + 1], status):
                    traces.found(number, status)
                    continue
            return False
        return True

    def find_again(self, traces: Traces) -> None:
        """Record the part files as they are now: their disk was away, and may have lost some.

        Raises:
            OSError: The disk failed.
        """
        self.tree.close()
        for number in self._numbers():
            status = self._look(number)
            if status is None or (self.is_late(number) and status.st_size != self.length(number)):
                continue  # it is yet to be made
            traces.found(number, status)
        traces.doubt(self._numbers())

    # -- one part file

    def _numbers(self) -> tuple[int, ...]:
        return (*self.places, SPILL) if self._spilled else tuple(self.places)

    def _at(self, number: int) -> tuple[DirHandle | DirCache, Sequence[str]]:
        if number == SPILL:
            return self._part.ground, self._part.spill
        return self.tree, self.places[number]

    def _look(self, number: int) -> os.stat_result | None:
        """Return the status of a part file; None where there is none."""
        with suppress(FileNotFoundError):
            if number == SPILL:
                return self._part.ground.look(*self._part.spill)
            return self.tree.look(self.places[number])
        return None

    def _make(self, number: int) -> None:
        make_file(*self._at(number), self.length(number), self._filled_parts(number))

    def _filled(self, number: int) -> int:
        """Return the bytes of a part file that are no holes."""
        parts = self._filled_parts(number)
        return self.length(number) if parts is None else sum(size for _, size in parts)

    def _filled_parts(self, number: int) -> list[Range] | None:
        return None if number == SPILL else filled(self._info, number, self.zeros)

    def _lacks(self, number: int, status: os.stat_result | None) -> int:
        length = self._filled(number)
        if status is None:
            return length
        blocks: int | None = getattr(status, "st_blocks", None)  # Windows tells of none
        return max(0, length - (status.st_size if blocks is None else 512 * blocks))

    def _make_folders(self) -> None:
        linked = (link.place[:-1] for link in self.links)
        files = (parts[:-1] for parts in self.places.values())
        for folder in {*self.folders, *files, *linked}:
            self._part.tree.make_folders(folder)
