"""The info dictionary of a torrent, parsed from untrusted bytes (BEP 3, v1).

Only parsing lives here: names stay exactly as the torrent spells them (paths.py makes them safe),
links are in magnet.py, and no file is ever opened.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from filesend_tui.core.errors import BadMetadata
from filesend_tui.core.wire.shape import BLOCK, MAX_METADATA, TorrentShape

#: Files of one torrent; more belong in an archive.
MAX_FILES: Final = 50_000
#: Folders of one torrent, made or not: each is a name to sanitize and an inode.
MAX_FOLDERS: Final = 20_000
#: Bytes of a piece: each one in progress is held in memory whole.
MAX_PIECE_LENGTH: Final = 16 * 1024 * 1024
#: Names from a torrent's root to a file, and the bytes of them all with a separator each.
MAX_PATH_PARTS: Final = 64
MAX_PATH_BYTES: Final = 2048

# Two bytes of bencode can cost 60 of memory once they are objects, so a 16 MiB dictionary might
# take half a gigabyte. Each value ends in "e" or starts at a ":", so counting both bounds them.
_MAX_VALUES: Final = 2_000_000
_HASH_LENGTH: Final = 20


@dataclass(frozen=True, slots=True)
class TorrentFile:
    """One file of a torrent.

    path: its names as the torrent spells them, raw and untrusted, without the torrent's own name
    (a single-file torrent's one part is that name); what is not UTF-8 in them is U+FFFD.
    length and offset: in bytes; the offset counts from the torrent's first byte.
    pad: filler up to the next piece, never wanted (BEP 47).
    """

    path: tuple[str, ...]
    length: int
    offset: int
    pad: bool = False


@dataclass(frozen=True, slots=True)
class TorrentInfo:
    """A checked info dictionary.

    info_hash: 20 bytes, the SHA-1 of raw. name: raw and untrusted. piece_hashes: 20 bytes a piece.
    raw: the bencoded dictionary, as BEP 9 transfers it. single: a file alone, not a folder.
    """

    info_hash: bytes
    name: str
    files: tuple[TorrentFile, ...]
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
    if is_too_large(raw):
        _refuse("is too large")
    actual_hash = hashlib.sha1(raw, usedforsecurity=False).digest()
    if info_hash is not None and actual_hash != info_hash:
        _refuse("is not the one that was asked for")

    info = _decode(raw)
    if b"pieces" not in info and (b"meta version" in info or b"file tree" in info):
        _refuse("is of BitTorrent version 2 only, which this program does not speak")
    name = _text(_get(info, b"name", bytes))
    piece_length = _get(info, b"piece length", int)
    piece_hashes = _get(info, b"pieces", bytes)
    if not BLOCK <= piece_length <= MAX_PIECE_LENGTH:
        _refuse(f"has pieces of {_number(piece_length)} bytes")
    if (b"length" in info) == (b"files" in info):
        _refuse("must be either one file or a list of files")

    single = b"length" in info
    if single:
        files: tuple[TorrentFile, ...] = (TorrentFile((name,), _length(info), 0),)
    else:
        files = _files(_get(info, b"files", list))
        _check_tree(files)

    total = files[-1].offset + files[-1].length
    piece_count = -(-total // piece_length)
    if len(piece_hashes) != piece_count * _HASH_LENGTH:
        _refuse("has not one hash for each piece")
    shape = TorrentShape(piece_count, piece_length, total)
    return TorrentInfo(actual_hash, name, files, shape, piece_hashes, raw, single)


def is_too_large(raw: bytes) -> bool:
    """Return whether a bencoded info dictionary exceeds what `parse_info` accepts."""
    return len(raw) > MAX_METADATA or raw.count(b"e") + raw.count(b":") > _MAX_VALUES


def _refuse(why: str) -> NoReturn:
    raise BadMetadata(f"The torrent's description {why}.")


def _number(value: int) -> str:
    """Return an untrusted integer as text of bounded length."""
    return str(value) if -(10**18) < value < 10**18 else "absurdly many"


def _decode(raw: bytes) -> dict[bytes, Any]:
    import bencode2

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


def _text(raw: bytes) -> str:
    if len(raw) > MAX_PATH_BYTES:
        _refuse("has a name that is too long")
    return raw.decode("utf-8", errors="replace")


def _files(entries: list[Any]) -> tuple[TorrentFile, ...]:
    if not 0 < len(entries) <= MAX_FILES:
        _refuse(f"lists {len(entries)} files")
    files: list[TorrentFile] = []
    offset = 0
    for entry in entries:
        if not isinstance(entry, dict):
            _refuse("has a file that is not a dictionary")
        attributes = entry.get(b"attr", b"")
        if not isinstance(attributes, bytes) or b"l" in attributes or b"symlink path" in entry:
            _refuse("holds a symbolic link")
        length = _length(entry)
        path = _path(_get(entry, b"path", list))
        files.append(TorrentFile(path, length, offset, pad=b"p" in attributes))
        offset += length
    return tuple(files)


def _path(parts: list[Any]) -> tuple[str, ...]:
    if len(parts) > MAX_PATH_PARTS or set(map(type, parts)) != {bytes}:
        _refuse("has a file without a usable path")
    if len(b"/".join(parts)) + 1 > MAX_PATH_BYTES:
        _refuse("has a path that is too long")
    return tuple([part.decode("utf-8", errors="replace") for part in parts])


def _check_tree(files: tuple[TorrentFile, ...]) -> None:
    """Refuse two files at one path, a file where a folder must be, and more folders than bounds.

    Pads are never laid out.
    """
    root: dict[str, Any] = {}  # name to subtree of a folder, or to None for a file
    folders = 0
    for file in files:
        if file.pad:
            continue
        *way, name = file.path
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
