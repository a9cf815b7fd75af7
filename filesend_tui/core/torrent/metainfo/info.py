"""The info dictionary of a torrent, parsed from untrusted bytes (BEP 3, v1).

Only parsing lives here: names stay exactly as the torrent spells them (paths.py makes them safe),
links are in magnet.py, and no file is ever opened.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn, overload

from filesend_tui.core.errors import BadMetadata
from filesend_tui.core.torrent.metainfo.names import Names
from filesend_tui.core.wire.shape import BLOCK, MAX_METADATA, MAX_PIECES, TorrentShape

#: Files of one torrent; more belong in an archive.
MAX_FILES: Final = 200_000
#: Folders of one torrent, made or not: each is a name to sanitize and an inode.
MAX_FOLDERS: Final = 50_000
#: Bytes of a piece: each one in progress is held in memory whole.
MAX_PIECE_LENGTH: Final = 16 * 1024 * 1024
#: Names from a torrent's root to a file, and the bytes of them all with a separator each.
MAX_PATH_PARTS: Final = 64
MAX_PATH_BYTES: Final = 2048

# Two bytes of bencode can cost 60 of memory once they are objects, so a 32 MiB dictionary might
# take a gigabyte. Each value ends in "e" or starts at a ":", so counting both bounds them.
_MAX_VALUES: Final = 2_000_000
_HASH_LENGTH: Final = 20
#: Bytes of a whole torrent; no sum of lengths that is kept exceeds it.
_MOST_BYTES: Final = 2**62
#: Seconds since 1970 of the latest time that is kept: the year 2200.
_MOST_SECONDS: Final = 7_258_118_400
# How most descriptions begin, and each file in them, some of them programs (BEP 47): as written by
# whoever sorts keys (BEP 3).
_LIST: Final = b"d5:filesl"
_FILE: Final = b"d6:lengthi"
_PROGRAM: Final = b"d4:attr1:x6:lengthi"
_PATH: Final = b"e4:pathl"
_END: Final = ord("e")


@dataclass(frozen=True, slots=True)
class TorrentFile:
    """One file of a torrent.

    path: its names as the torrent spells them, raw and untrusted, without the torrent's own name
    (a single-file torrent's one part is that name); what is not UTF-8 in them is U+FFFD.
    length and offset: in bytes; the offset counts from the torrent's first byte.
    pad: filler up to the next piece, never wanted (BEP 47). executable: it is a program (BEP 47).
    modified: its modification time, in seconds since 1970, as some clients tell it; None: unknown.
    """

    path: tuple[str, ...]
    length: int
    offset: int
    pad: bool = False
    executable: bool = False
    modified: int | None = None


class TorrentFiles(Sequence[TorrentFile]):
    """The files of a torrent, in a few dozen bytes each; a TorrentFile is made where one is needed.

    lengths, offsets: in bytes, by number. pads: numbers of fillers. programs: 1 for each file that
    can be run, else 0. times: the modification time of those that have one.
    """

    __slots__ = ("_names", "lengths", "offsets", "pads", "programs", "times")

    def __init__(self) -> None:
        self._names = Names()
        self.lengths = array("q")
        self.offsets = array("q")
        self.pads: set[int] = set()
        self.programs = bytearray()
        self.times: dict[int, int] = {}

    def add(
        self,
        path: Sequence[str],
        length: int,
        *,
        pad: bool = False,
        executable: bool = False,
        modified: int | None = None,
    ) -> None:
        """Add a file behind the others. Raises OverflowError: they are too long together."""
        if pad:
            self.pads.add(len(self))
        offset = self.total
        if offset + length >= _MOST_BYTES:
            raise OverflowError
        if modified is not None:
            self.times[len(self)] = modified
        self.programs.append(executable)
        self._names.append(path)
        self.offsets.append(offset)
        self.lengths.append(length)

    @property
    def total(self) -> int:
        """Bytes of all of them."""
        return self.offsets[-1] + self.lengths[-1] if self.lengths else 0

    def __len__(self) -> int:
        return len(self.lengths)

    @overload
    def __getitem__(self, number: int) -> TorrentFile: ...
    @overload
    def __getitem__(self, number: slice) -> tuple[TorrentFile, ...]: ...
    def __getitem__(self, number: int | slice) -> TorrentFile | tuple[TorrentFile, ...]:
        if isinstance(number, slice):
            return tuple([self[each] for each in range(*number.indices(len(self)))])
        if number < 0:
            number += len(self)
        path = self._names[number]
        return TorrentFile(
            path,
            self.lengths[number],
            self.offsets[number],
            pad=number in self.pads,
            executable=bool(self.programs[number]),
            modified=self.times.get(number),
        )

    def paths(self) -> Iterator[tuple[str, ...]]:
        """Yield the path of each."""
        return iter(self._names)

    def path(self, number: int) -> tuple[str, ...]:
        """Return the path of one."""
        return self._names[number]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TorrentFiles):
            mine = self._names, self.lengths, self.pads, self.programs, self.times
            return mine == (other._names, other.lengths, other.pads, other.programs, other.times)
        return tuple(self) == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash((len(self), self.total))

    def __repr__(self) -> str:
        return f"TorrentFiles({len(self)}, total={self.total})"


@dataclass(frozen=True, slots=True)
class TorrentInfo:
    """A checked info dictionary.

    info_hash: 20 bytes, the SHA-1 of raw. name: raw and untrusted. piece_hashes: 20 bytes a piece.
    raw: the bencoded dictionary, as BEP 9 transfers it. single: a file alone, not a folder.
    """

    info_hash: bytes
    name: str
    files: TorrentFiles
    shape: TorrentShape
    piece_hashes: bytes
    raw: bytes
    single: bool

    def piece_hash(self, index: int) -> bytes:
        """Return the SHA-1 (20 bytes) that piece `index` must have."""
        return self.piece_hashes[index * _HASH_LENGTH : (index + 1) * _HASH_LENGTH]

    def __repr__(self) -> str:
        return f"TorrentInfo({self.info_hash.hex()}, files={len(self.files)})"


def parse_info(raw: bytes, *, info_hash: bytes | None = None) -> TorrentInfo:
    """Parse the bencoded info dictionary `raw` (BEP 3; hybrids are read as v1).

    What cannot be laid out as files at all is refused here: a path given twice, a file that is
    also a folder, a symlink (BEP 47). Merely unsafe names are not: paths.py sanitizes them.

    Args:
        raw: At most MAX_METADATA bytes, as received.
        info_hash: The 20 bytes its SHA-1 must equal, where known.

    Raises:
        BadMetadata: It is broken, too large, inconsistent, v2 only, or not the one requested.
    """
    if len(raw) > MAX_METADATA:
        _refuse("is too large")
    actual_hash = hashlib.sha1(raw, usedforsecurity=False).digest()
    if info_hash is not None and actual_hash != info_hash:
        _refuse("is not the one that was asked for")

    info, files = _read(raw)
    if b"pieces" not in info and (b"meta version" in info or b"file tree" in info):
        _refuse("is of BitTorrent version 2 only, which this program does not speak")
    name = _text(_get(info, b"name", bytes))
    piece_length = _get(info, b"piece length", int)
    piece_hashes = _get(info, b"pieces", bytes)
    if not BLOCK <= piece_length <= MAX_PIECE_LENGTH:
        _refuse(f"has pieces of {_number(piece_length)} bytes")
    single = files is None
    if files is None:
        attributes = info.get(b"attr", b"")
        program = isinstance(attributes, bytes) and b"x" in attributes
        files = TorrentFiles()
        files.add((name,), _length(info), executable=program, modified=_modified(info))
    else:
        _check_tree(files)

    total = files.total
    piece_count = -(-total // piece_length)
    if len(piece_hashes) != piece_count * _HASH_LENGTH:
        _refuse("has not one hash for each piece")
    if piece_count > MAX_PIECES:
        _refuse("is too large")
    shape = TorrentShape(piece_count, piece_length, total)
    return TorrentInfo(actual_hash, name, files, shape, piece_hashes, raw, single)


def _refuse(why: str) -> NoReturn:
    raise BadMetadata(f"The torrent's description {why}.")


def _number(value: int) -> str:
    """Return an untrusted integer as text of bounded length."""
    return str(value) if -(10**18) < value < 10**18 else "absurdly many"


def _decode(raw: bytes) -> dict[bytes, Any]:
    import bencode2

    if raw.count(b"e") + raw.count(b":") > _MAX_VALUES:
        _refuse("is too large")
    try:
        info = bencode2.bdecode(raw)
    except (ValueError, RecursionError, OverflowError):  # too deep, too large, or no bencode
        _refuse("is not valid bencode")
    if not isinstance(info, dict):
        _refuse("is not a dictionary")
    return info


def _get(source: dict[bytes, Any], key: bytes, kind: type[Any]) -> Any:
    value = source.get(key)
    if not isinstance(value, kind):
        _refuse(f"lacks a usable {key.decode()!r}")
    return value


def _length(source: dict[bytes, Any]) -> int:
    length: int = _get(source, b"length", int)
    # The pieces whose hashes fit into the metadata end far below this.
    if not 0 <= length < 2**62:
        _refuse(f"has a file of {_number(length)} bytes")
    return length


def _modified(source: dict[bytes, Any]) -> int | None:
    """Return a file's time, which no standard names; one that makes no sense is none."""
    value = source.get(b"mtime")
    return value if isinstance(value, int) and 0 <= value < _MOST_SECONDS else None


def _text(raw: bytes) -> str:
    if len(raw) > MAX_PATH_BYTES:
        _refuse("has a name that is too long")
    return raw.decode("utf-8", errors="replace")


def _read(raw: bytes) -> tuple[dict[bytes, Any], TorrentFiles | None]:
    """Return an info dictionary without its list of files, and that; None for a single file."""
    listed = _listed(raw)
    if listed is None:
        info = _decode(raw)
        files = _files(_get(info, b"files", list)) if b"files" in info else None
    else:
        files, end = listed
        info = _decode(b"d" + raw[end:])
        if b"files" in info:
            _refuse("is not valid bencode")
    if (b"length" in info) == (files is not None):
        _refuse("must be either one file or a list of files")
    return info, files


def _listed(raw: bytes) -> tuple[TorrentFiles, int] | None:
    """Return the files of a description that begins with them, and where their list ends.

    Nothing is made of a file but its names, so that 200,000 cost no more memory than they must.
    None where there is anything else in it: `_files` has the rules then.
    """
    if not raw.startswith(_LIST):
        return None
    files, position = TorrentFiles(), len(_LIST)
    try:
        while raw[position] != _END:
            end = raw.index(_PATH, position, position + 50)
            program = raw.startswith(_PROGRAM, position)
            head = _PROGRAM if program else _FILE
            length = _digits(raw[position + len(head) : end])
            if length is None or not raw.startswith(head, position):
                return None
            parts: list[bytes] = []
            position = end + len(_PATH)
            while raw[position] != _END:
                colon = raw.index(b":", position, position + 6)
                size = _digits(raw[position:colon])
                if size is None or colon + size >= len(raw):
                    return None
                position = colon + 1 + size
                parts.append(raw[colon + 1 : position])
            if raw[position + 1] != _END:
                return None
            position += 2
            if len(files) == MAX_FILES:
                _refuse(f"lists more than {MAX_FILES} files")
            _add(files, _path(parts), length, executable=program)
    except (ValueError, IndexError):
        return None
    return (files, position + 1) if len(files) else None


def _digits(raw: bytes) -> int | None:
    """Return a number of bencode; None where it is spelled in any other way."""
    if not raw.isdigit() or len(raw) > 19 or (raw[0] == ord("0") and len(raw) > 1):
        return None
    return int(raw)


def _add(
    files: TorrentFiles,
    path: Sequence[str],
    length: int,
    *,
    pad: bool = False,
    executable: bool = False,
    modified: int | None = None,
) -> None:
    try:
        files.add(path, length, pad=pad, executable=executable, modified=modified)
    except OverflowError:
        _refuse("has files of absurdly many bytes")


def _files(entries: list[Any]) -> TorrentFiles:
    if not 0 < len(entries) <= MAX_FILES:
        _refuse(f"lists {len(entries)} files")
    files = TorrentFiles()
    for entry in entries:
        if not isinstance(entry, dict):
            _refuse("has a file that is not a dictionary")
        attributes = entry.get(b"attr", b"")
        if not isinstance(attributes, bytes) or b"l" in attributes or b"symlink path" in entry:
            _refuse("holds a symbolic link")
        length = _length(entry)
        _add(
            files,
            _path(_get(entry, b"path", list)),
            length,
            pad=b"p" in attributes,
            executable=b"x" in attributes,
            modified=_modified(entry),
        )
    return files


def _path(parts: list[Any]) -> tuple[str, ...]:
    if len(parts) > MAX_PATH_PARTS or set(map(type, parts)) != {bytes}:
        _refuse("has a file without a usable path")
    if len(b"/".join(parts)) + 1 > MAX_PATH_BYTES:
        _refuse("has a path that is too long")
    return tuple([part.decode("utf-8", errors="replace") for part in parts])


def _check_tree(files: TorrentFiles) -> None:
    """Refuse two files at one path, a file where a folder must be, and more folders than bounds.

    Pads are never laid out.
    """
    if files.pads or not _is_sorted(files):
        _check_any_tree(files)


def _is_sorted(files: TorrentFiles) -> bool:
    """Return whether files are in order, and so each at a path of its own; refuse too many folders.

    In order, a file's path is followed at once by those below it, which there must not be.
    """
    folders = 0
    before: tuple[str, ...] = ("",)
    for path in files.paths():
        if path <= before or path[: len(before)] == before:
            return False
        if path[:-1] != before[:-1]:
            shared = 0
            for one, other in zip(path[:-1], before[:-1], strict=False):
                if one != other:
                    break
                shared += 1
            folders += len(path) - 1 - shared
            if folders > MAX_FOLDERS:
                _refuse(f"holds more than {MAX_FOLDERS} folders")
        before = path
    return True


def _check_any_tree(files: TorrentFiles) -> None:
    root: dict[str, Any] = {}  # name to subtree of a folder, or to None for a file
    folders = 0
    for number, path in enumerate(files.paths()):
        if number in files.pads:
            continue
        *way, name = path
        here = root
        for part in way:
            below = here.get(part, root)
            if below is None:
                _refuse("has a file where it also has a folder")
            if below is root:  # the default: a new folder
                folders += 1
                if folders > MAX_FOLDERS:
                    _refuse(f"holds more than {MAX_FOLDERS} folders")
                below = here[part] = {}
            here = below
        if name in here:
            twice = here[name] is None
            _refuse("names a file twice" if twice else "has a file where it also has a folder")
        here[name] = None
