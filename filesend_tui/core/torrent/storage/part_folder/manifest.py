"""What a part folder says of its download, so that a later run can go on with it.

Two files: the info dictionary as it came, and the manifest: what was chosen of it and how it was to
arrive; and a third at the end, under which names it was put in place. All are read with bounds and
believed in nothing: the dictionary is the torrent's by its hash, paths are laid out from it anew,
and pieces count by their hashes. Which pieces were written is written.py's.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from filesend_tui.core.errors import BadMetadata
from filesend_tui.core.torrent.metainfo.attributes import Attributes, Extras, ManyAttributes
from filesend_tui.core.torrent.metainfo.info import (
    MAX_FOLDERS,
    MAX_PATH_BYTES,
    MAX_PATH_PARTS,
    TorrentInfo,
    parse_info,
)
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.part_folder import whole_file
from filesend_tui.core.wire.bitfield import Bitfield
from filesend_tui.core.wire.shape import MAX_METADATA

#: Their names in a part folder.
INFO: Final = "info"
MANIFEST: Final = "manifest.json"
PLACED: Final = "placed.json"
#: The version that this program writes; it does not know the meaning of others.
VERSION: Final = 1
#: Bytes of a manifest; what would be longer is not kept.
MOST_BYTES: Final = 16 * 1024 * 1024

_MOST_NS: Final = 2**63
_MOST_TEXT: Final = 200
_AT_ONCE: Final = 1_000


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What was chosen of a torrent.

    wanted: a bit for each file, the first in the high bit of the first byte. layout: how they are
    laid out. extras: attributes that are kept. transfer: the transfer it belongs to; None for an
    open download. begun, used: when it was begun, and when this was written, in seconds since 1970;
    when it was last gone on with is the time of the word of its pieces.
    """

    version: int = VERSION
    wanted: bytes
    layout: str
    extras: Extras
    transfer: str | None
    begun: float
    used: float

    @classmethod
    def of(
        cls, wanted: Sequence[bool], layout: str, extras: Extras, transfer: str | None
    ) -> Manifest:
        """Return the manifest of a download that begins now."""
        now = round(time.time(), 3)
        chosen = Bitfield(len(wanted), (n for n, each in enumerate(wanted) if each))
        return cls(
            wanted=chosen.to_bytes(),
            layout=layout,
            extras=extras,
            transfer=transfer,
            begun=now,
            used=now,
        )

    def wants(self, number: int) -> bool:
        """Return whether a file is wanted."""
        return bool(self.wanted[number >> 3] & 0x80 >> (number & 7))


class Described(NamedTuple):
    """A torrent, and what was chosen of it."""

    info: TorrentInfo
    manifest: Manifest


def write(ground: DirHandle, info: TorrentInfo, manifest: Manifest) -> None:
    """Describe a new download in its part folder; one that is too long is not described.

    It is not synced: where a power failure comes before the system does that by itself, little of
    the download is lost.

    Raises:
        OSError: It cannot be written.
    """
    text = _encoded(manifest)
    if len(text) <= MOST_BYTES:
        whole_file.write(ground, INFO, info.raw, sync=False)
        whole_file.write(ground, MANIFEST, text, sync=False)


def rewrite(ground: DirHandle, manifest: Manifest, was: Manifest) -> None:
    """Describe what is chosen now of a download that was begun by another choice, or the same.

    Raises:
        OSError: It cannot be written; then it is described as it was.
    """
    now = msgspec.structs.replace(manifest, begun=was.begun)
    if msgspec.structs.replace(now, used=was.used) != was:
        whole_file.write(ground, MANIFEST, _encoded(now))


def write_placed(ground: DirHandle, placed: Mapping[str, str]) -> None:
    """Say that all is in place: where in the target, for each path in the tree (placed.py).

    Raises:
        OSError: It cannot be written.
    """
    whole_file.write(ground, PLACED, msgspec.json.encode(placed), sync=False)


def read_placed(ground: DirHandle) -> dict[str, str] | None:
    """Return what `write_placed` wrote; None where that is nothing, or no sense. Raises OSError."""
    text = whole_file.read(ground, PLACED, MOST_BYTES)
    try:
        return msgspec.json.decode(text, type=dict[str, str]) if text is not None else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def read(ground: DirHandle) -> Described | None:
    """Return what a part folder says of its download; None where that is nothing, or no sense.

    Raises:
        OSError: It cannot be read.
    """
    raw = read_info(ground)
    text = whole_file.read(ground, MANIFEST, MOST_BYTES)
    if raw is None or text is None:
        return None
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
        info = parse_info(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, BadMetadata):
        return None
    extras = manifest.extras._replace(files=tuple(manifest.extras.files))  # a list till now
    manifest = msgspec.structs.replace(manifest, extras=extras)
    return Described(info, manifest) if _makes_sense(info, manifest) else None


def _encoded(manifest: Manifest) -> bytes:
    return msgspec.json.encode(manifest, enc_hook=_encoded_many)


def _encoded_many(files: object) -> msgspec.Raw:
    """Return attributes in columns as the list that they stand for; some of it at a time."""
    assert isinstance(files, ManyAttributes)
    some = (files[start : start + _AT_ONCE] for start in range(0, len(files), _AT_ONCE))
    return msgspec.Raw(b"[%b]" % b",".join(msgspec.json.encode(each)[1:-1] for each in some))


def read_info(ground: DirHandle) -> bytes | None:
    """Return the info dictionary alone, unchecked; None where there is none. Raises OSError."""
    return whole_file.read(ground, INFO, MAX_METADATA)


def _makes_sense(info: TorrentInfo, manifest: Manifest) -> bool:
    count, extras = len(info.files), manifest.extras
    spare = -count % 8
    return (
        manifest.version == VERSION
        and len(manifest.wanted) == (count + 7) // 8
        and not manifest.wanted[-1] & ((1 << spare) - 1)
        and len(manifest.layout) <= _MOST_TEXT
        and len(manifest.transfer or "") <= _MOST_TEXT
        and len(extras.files) in (0, count)
        and len(extras.folders) <= MAX_FOLDERS
        and all(0 < len(folder.parts) <= MAX_PATH_PARTS for folder in extras.folders)
        and all(len("/".join(folder.parts)) <= MAX_PATH_BYTES for folder in extras.folders)
        and len(extras.links) <= MAX_FOLDERS
        and all(
            0 < len(parts) <= MAX_PATH_PARTS and len("/".join(parts)) <= MAX_PATH_BYTES
            for link in extras.links
            for parts in (link.parts, link.to)
        )
        and all(map(_usable, extras.files))
        and all(_usable(folder.attributes) for folder in extras.folders)
    )


def _usable(kept: Attributes) -> bool:
    mode, modified = kept
    return (mode is None or 0 <= mode <= 0o777) and (
        modified is None or -_MOST_NS <= modified < _MOST_NS
    )
