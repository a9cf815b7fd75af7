"""What a request offers, where that is more than one word holds: as columns, and in parts.

A part is packed (zlib, RFC 1950) and small; it is unpacked within bounds and checked by itself, as
it comes, so that neither side ever holds more than the columns and one part. Which requests go in
parts is offer.py's.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Final, NamedTuple, TypeVar, overload

import msgspec

from filesend_tui.core.torrent.metainfo.attributes import Attributes, ManyAttributes
from filesend_tui.core.torrent.metainfo.names import Names
from relay.protocol.words import (
    MAX_LINKS,
    MAX_PART,
    MAX_PARTS,
    MAX_UNPACKED,
    MOST_FILES,
    MOST_FOLDERS,
    FileRequest,
    Listed,
    OfferedFile,
    OfferedFolder,
    OfferedLink,
)

_Named = TypeVar("_Named", OfferedFolder, OfferedLink)

#: Files of one part, and characters of the paths in it: far below its bounds.
PART_FILES: Final = 5_000
PART_CHARACTERS: Final = 256 * 1024
#: Bytes of all names of a request.
MOST_NAMES: Final = 28 * 1024 * 1024
#: Bytes of all its parts, as they are sent.
MOST_PACKED: Final = 16 * 1024 * 1024
#: Requests of one partner that are incomplete at a time.
MOST_OPEN: Final = 2
_PACKED: Final = 1  # zlib's fastest: a third of the bytes, at 80 MB/s
_NONE: Final = -1


class Refused(Exception):
    """A part is no part of a request; the text says why, for the partner."""


class OfferedFiles(Sequence[OfferedFile]):
    """Many offered files in some 30 bytes each and their names; each is made when it is asked for.

    Args:
        files: The first ones.

    sizes, holes: in bytes, by number. names: their paths. packed: the parts that they go in, or
    came in, with the folders and links of their request; None until they are made.
    """

    def __init__(self, files: Iterable[OfferedFile] = ()) -> None:
        self.names = Names()
        self.packed: tuple[bytes, ...] | None = None
        self.sizes, self.holes = array("q"), array("q")
        self._modes, self._times = array("h"), array("q")
        for file in files:
            self.append(file)

    @classmethod
    def of_columns(
        cls,
        names: Names,
        sizes: array[int],
        holes: array[int],
        modes: Iterable[int],
        times: Iterable[int],
    ) -> OfferedFiles:
        """Return the files of these columns, which are not copied. modes, times: -1 is none."""
        made = cls()
        made.names, made.sizes, made.holes = names, sizes, holes
        made._modes, made._times = array("h", modes), array("q", times)
        return made

    def append(self, file: OfferedFile) -> None:
        """Add a file."""
        self.names.append(file.path.split("/"))
        self.sizes.append(file.size)
        self.holes.append(file.holes)
        self._modes.append(_NONE if file.mode is None else file.mode)
        self._times.append(_NONE if file.modified is None else file.modified)

    def extend(self, listed: Listed) -> None:
        """Add the files of a part."""
        for path in listed.paths:
            self.names.append(path.split("/"))
        self.sizes.extend(listed.sizes)
        self.holes.extend(listed.holes or repeat(0, len(listed.paths)))
        self._modes.extend(_NONE if mode is None else mode for mode in listed.modes)
        self._times.extend(_NONE if time is None else time for time in listed.times)

    @property
    def programs(self) -> int:
        """How many of them can be run."""
        return sum(mode != _NONE and bool(mode & 0o111) for mode in self._modes)

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[OfferedFile]:
        columns = self.sizes, self._modes, self._times, self.holes
        for path, size, mode, modified, holes in zip(self.paths(), *columns, strict=True):
            yield OfferedFile(
                path=path,
                size=size,
                mode=None if mode == _NONE else mode,
                modified=None if modified == _NONE else modified,
                holes=holes,
            )

    def paths(self) -> Iterator[str]:
        """Yield the path of each."""
        return self.names.joined("/")

    def kept(self, *, times: bool) -> Sequence[Attributes]:
        """Return the attributes of each. times: with its time, where that is known."""
        return ManyAttributes(self._modes, self._times if times else repeat(_NONE, len(self)))

    @overload
    def __getitem__(self, number: int) -> OfferedFile: ...
    @overload
    def __getitem__(self, number: slice) -> tuple[OfferedFile, ...]: ...
    def __getitem__(self, number: int | slice) -> OfferedFile | tuple[OfferedFile, ...]:
        if isinstance(number, slice):
            return tuple([self[each] for each in range(*number.indices(len(self)))])
        mode, modified = self._modes[number], self._times[number]
        return OfferedFile(
            path="/".join(self.names[number]),
            size=self.sizes[number],
            mode=None if mode == _NONE else mode,
            modified=None if modified == _NONE else modified,
            holes=self.holes[number],
        )


class Asked(NamedTuple):
    """A request of many files, with the fields of a FileRequest."""

    id: str
    files: OfferedFiles
    folders: tuple[OfferedFolder, ...] = ()
    others: int = 0
    links: tuple[OfferedLink, ...] = ()

    @property
    def stream(self) -> bool:
        """Never: a stream is one file, and fits into one word."""
        return False


def paths(files: Sequence[OfferedFile]) -> Iterator[str]:
    """Yield the path of each file."""
    return files.paths() if isinstance(files, OfferedFiles) else (file.path for file in files)


def sizes(files: Sequence[OfferedFile]) -> Iterable[int]:
    """Return the bytes of each file."""
    return files.sizes if isinstance(files, OfferedFiles) else [file.size for file in files]


def programs(files: Sequence[OfferedFile]) -> int:
    """Return how many of the files can be run."""
    if isinstance(files, OfferedFiles):
        return files.programs
    return sum(bool((file.mode or 0) & 0o111) for file in files)


def without_holes(files: Sequence[OfferedFile]) -> Iterator[int]:
    """Yield the bytes of each file for which a disk that keeps holes needs room."""
    if isinstance(files, OfferedFiles):
        pairs: Iterable[tuple[int, int]] = zip(files.sizes, files.holes, strict=True)
    else:
        pairs = ((file.size, file.holes) for file in files)
    return (max(0, size - holes) for size, holes in pairs)


def spoken(asked: FileRequest | Asked) -> Iterable[FileRequest]:
    """Return the words that a request is sent as."""
    return in_parts(asked) if isinstance(asked, Asked) else (asked,)


def in_parts(asked: Asked) -> Iterator[FileRequest]:
    """Yield the words of a request of many files."""
    files = asked.files
    if files.packed is None:
        runs = (_pack(files=files[each.start : each.stop]) for each in _cut(files))
        folders = (_pack(folders=part) for part in _portions(asked.folders))
        links = (_pack(links=part) for part in _portions(asked.links))
        files.packed = (*runs, *folders, *links)
    for number, data in enumerate(files.packed):
        yield FileRequest(
            id=asked.id, part=number, of=len(files.packed), packed=data, others=asked.others
        )


def _cut(files: OfferedFiles) -> Iterator[range]:
    """Yield runs of files that go into one part each."""
    start = size = 0
    for number, path in enumerate(files.names):
        length = sum(map(len, path)) + len(path)
        if number - start >= PART_FILES or (size + length > PART_CHARACTERS and number > start):
            yield range(start, number)
            start, size = number, 0
        size += length
    if start < len(files):
        yield range(start, len(files))


def _portions(all_of_them: Sequence[_Named]) -> Iterator[Sequence[_Named]]:
    """Yield folders or links, as many as go into one part each."""
    for start in range(0, len(all_of_them), PART_FILES):
        yield from _halved(all_of_them[start : start + PART_FILES])


def _halved(some: Sequence[_Named]) -> Iterator[Sequence[_Named]]:
    if sum(map(_characters, some)) <= PART_CHARACTERS or len(some) == 1:
        yield some
        return
    half = len(some) // 2
    yield from _halved(some[:half])
    yield from _halved(some[half:])


def _characters(named: OfferedFolder | OfferedLink) -> int:
    return len(named.path) + (len(named.to) if isinstance(named, OfferedLink) else 0)


def _pack(
    *,
    files: Sequence[OfferedFile] = (),
    folders: Sequence[OfferedFolder] = (),
    links: Sequence[OfferedLink] = (),
) -> bytes:
    holes = [file.holes for file in files]
    listed = Listed(
        paths=[file.path for file in files],
        sizes=[file.size for file in files],
        modes=[file.mode for file in files],
        times=[file.modified for file in files],
        folders=list(folders),
        holes=holes if any(holes) else [],
        links=list(links),
    )
    return zlib.compress(msgspec.json.encode(listed), _PACKED)


def _unpack(data: bytes) -> Listed:
    if len(data) > MAX_PART:
        raise Refused("A part of the list is too long.")
    reader = zlib.decompressobj()
    try:
        text = reader.decompress(data, MAX_UNPACKED)
        if not reader.eof or reader.unused_data:
            raise Refused("A part of the list is too long, or cut off.")
        listed = msgspec.json.decode(text, type=Listed)
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused("A part of the list makes no sense.") from None
    count = len(listed.paths)
    columns = {len(listed.sizes), len(listed.modes), len(listed.times)}
    if columns != {count} or len(listed.holes) not in (0, count):
        raise Refused("A part of the list makes no sense.")
    return listed


class _Open:
    """A request of which parts are missing."""

    def __init__(self, id: str, of: int) -> None:
        self.id, self.of, self.next = id, of, 0
        self.files = OfferedFiles()
        self.folders: list[OfferedFolder] = []
        self.links: list[OfferedLink] = []
        self.packed: list[bytes] = []
        self._other_names = self._packed_bytes = 0

    def add(self, listed: Listed, packed: int) -> None:
        if len(self.files) + len(listed.paths) > MOST_FILES:
            raise Refused(f"The request has more than {MOST_FILES:,} files.")
        if len(self.folders) + len(listed.folders) > MOST_FOLDERS:
            raise Refused("The request names too many folders.")
        if len(self.links) + len(listed.links) > MAX_LINKS:
            raise Refused("The request names too many links.")
        self._packed_bytes += packed
        if self._packed_bytes > MOST_PACKED:
            raise Refused("The parts of the request are too long together.")
        self._other_names += sum(map(_characters, listed.folders))
        self._other_names += sum(map(_characters, listed.links))
        self.files.extend(listed)
        self.folders += listed.folders
        self.links += listed.links
        if self.files.names.size + self._other_names > MOST_NAMES:
            raise Refused("The names in the request are too long together.")


class Lists:
    """The requests of one partner that come in parts, until each is complete."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}

    def take(self, word: FileRequest) -> Asked | None:
        """Take a part; return the request once that was the last one.

        Raises:
            Refused: It is no next part of a request, or breaks a bound; the request is forgotten.
        """
        held = self._open.pop(word.id, None)
        if word.stream:
            raise Refused("A stream is one file, in no folder.")
        if word.of > MAX_PARTS or word.part != (held.next if held is not None else 0):
            raise Refused("A part of the list is missing.")
        if held is None:
            if len(self._open) >= MOST_OPEN:
                raise Refused("Too many requests are open.")
            held = _Open(word.id, word.of)
        if word.of != held.of:
            raise Refused("A part of the list makes no sense.")
        held.add(_unpack(word.packed), len(word.packed))
        held.packed.append(word.packed)
        held.next += 1
        if held.next < held.of:
            self._open[word.id] = held
            return None
        if not len(held.files):
            raise Refused("The request has no files.")
        held.files.packed = tuple(held.packed)
        return Asked(held.id, held.files, tuple(held.folders), word.others, tuple(held.links))

    def forget(self, id: str) -> None:
        """Forget a request that was taken back."""
        self._open.pop(id, None)

    @property
    def files(self) -> int:
        """Files in all that is incomplete."""
        return sum(len(held.files) for held in self._open.values())
