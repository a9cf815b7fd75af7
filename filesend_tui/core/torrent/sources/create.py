"""Making torrents of chosen files and folders: bounded, hashed, described (BEP 3, v1).

The same content and names make the same torrent on every machine: nothing of the machine, its user
or the time goes in. A torrent cannot hold empty folders; they are left out. What can be sent is
scan.py's, and serving what was made seed_files.py's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, overload

from filesend_tui.core.errors import BadMetadata, BadSource, Offender
from filesend_tui.core.torrent.metainfo.info import TorrentInfo, is_too_large, parse_info
from filesend_tui.core.torrent.sources.hashing import Changed, Source, Unreadable, hash_pieces
from filesend_tui.core.torrent.sources.scan import (
    OPEN,
    Bounds,
    Search,
    SourceFile,
    SourceFolder,
)
from filesend_tui.core.torrent.sources.trusted import Hashed, take
from filesend_tui.core.util.file_id import Seen
from filesend_tui.core.util.text import path_text
from filesend_tui.core.wire.shape import MAX_PIECES

#: Bytes of a piece, at least and at most: few hashes, yet little lost when one piece is bad.
MIN_PIECE: Final = 16 * 1024
MAX_PIECE: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Found(Sequence[SourceFile]):
    """The result of `scan`: a sequence of the files found, in the torrent's order.

    chosen, bounds, skip: the arguments of `scan`. folders: all folders found, in order. left_out:
    what is not sent, and why.
    """

    chosen: Collection[Path]
    bounds: Bounds
    skip: bool
    files: tuple[SourceFile, ...]
    folders: tuple[SourceFolder, ...] = ()
    left_out: tuple[Offender, ...] = ()

    @overload
    def __getitem__(self, index: int) -> SourceFile: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[SourceFile, ...]: ...
    def __getitem__(self, index: int | slice) -> SourceFile | tuple[SourceFile, ...]:
        return self.files[index]

    def __len__(self) -> int:
        return len(self.files)

    @property
    def empty_folders(self) -> tuple[SourceFolder, ...]:
        """The folders with neither a file nor a folder in them."""
        full = {file.parts[:-1] for file in self.files}
        full |= {folder.parts[:-1] for folder in self.folders}
        return tuple(folder for folder in self.folders if folder.parts not in full)


def scan(paths: Collection[Path], *, bounds: Bounds = OPEN, skip: bool = False) -> Found:
    """Return every file of the chosen files and folders, in the torrent's order.

    Of two chosen paths with one name the second becomes `name (1)`; a path chosen twice counts
    once, and so does one inside a chosen folder. A chosen link is followed. Inside a chosen folder,
    only links to files of that same folder are followed: any other link could make a person send
    what they never chose. Nothing is sent that replaced what was chosen: a chosen path is checked
    since it was chosen, a folder's content from now on. FileSend's unfinished downloads in a chosen
    folder are left out.

    All errors that can be found locally are reported here, all together.

    Args:
        paths: What was chosen. Each path of a `Chosen` must still be what it was then.
        bounds: How much may be sent together; by default what one torrent holds.
        skip: Leave out what cannot be sent, where anything else is left.

    Raises:
        BadSource: Something chosen is not there, is no file or folder, or was replaced; inside a
            folder there is a link that leads out of it, to a folder or nowhere, or a socket, device
            or FIFO; something may not be read; a name is no valid text, or too long. Its offenders
            are all of these. Or there is no file, or too much.
    """
    seen = paths if isinstance(paths, Mapping) else dict.fromkeys(paths)
    search = Search(bounds)
    for chosen, was in _apart(seen).items():
        search.choose(chosen, was)
    if search.offenders and not (skip and search.files):
        raise search.refusal()
    if not search.files:
        raise BadSource("There are no files in what was chosen.", "Choose at least one file.")
    # By code points, like the bytes of UTF-8: independent of locale and file system.
    files = tuple(sorted(search.files, key=lambda source: source.parts))
    if _piece_count(files) > MAX_PIECES or is_too_large(
        _describe(files, None, None, lambda: bytes(20 * _piece_count(files)))
    ):
        raise _too_much()
    left_out = (*search.unfinished, *search.offenders)
    folders = tuple(sorted(search.folders, key=lambda folder: folder.parts))
    return Found(paths, bounds, skip, files, folders, left_out)


def make_torrent(
    sources: Sequence[SourceFile],
    *,
    name: str | None = None,
    salt: str | None = None,
    progress: Callable[[int, int], None] = lambda _hashed, _total: None,
    cancelled: Callable[[], bool] = lambda: False,
    known: Hashed | None = None,
) -> TorrentInfo:
    """Hash the files and return the torrent that describes them, in their order.

    A single file becomes a single-file torrent; one folder a torrent of its name; several paths
    entries side by side, under a name that is only for display.

    Args:
        sources: As `scan` returned them.
        name: The torrent's; where None that of the file or folder, or such as `3 files`.
        salt: Makes the infohash differ from that of another torrent of the same content.
        progress: Called with (bytes hashed, bytes in all) at the start, at the end and in between
            at most ten times a second, on this thread.
        cancelled: Polled after each buffer, on any thread.
        known: What an earlier run hashed: where the files are the same still, they are not hashed
            again; where any of them changed, all are.

    Raises:
        BadSource: A file cannot be read or changed since `scan`, or they are too many.
        Cancelled: `cancelled` returned True.
    """
    if known is not None:
        with suppress(BadSource):
            if (same := take_known(known, sources, name=name, salt=salt)) is not None:
                return same
    raw = _describe(
        sources, name, salt, lambda: _hash(sources, _piece_length(sources), progress, cancelled)
    )
    try:
        made = parse_info(raw)
    except BadMetadata as error:
        raise _too_much() from error
    for source in sources:
        _check_unchanged(source)
    return made


def take_known(
    known: Hashed, sources: Sequence[SourceFile], *, name: str | None, salt: str | None
) -> TorrentInfo | None:
    """Return the torrent that an earlier run made of these files, without hashing them again.

    Args:
        known: What that run hashed.
        sources, name, salt: As make_torrent.

    Returns:
        None where that torrent is of other files or names, or of another salt.

    Raises:
        BadSource: Files changed since; its offenders are those.
    """
    return take(
        known, sources, describe=lambda hashes: _describe(sources, name, salt, lambda: hashes)
    )


def _describe(
    sources: Sequence[SourceFile],
    name: str | None,
    salt: str | None,
    hashes: Callable[[], bytes],
) -> bytes:
    """Return the bencoded info dictionary. hashes: those of the pieces, in a row."""
    import bencode2

    info = _contents(sources, name)
    info["piece length"] = _piece_length(sources)
    if salt is not None:
        info["source"] = salt
    info["pieces"] = hashes()
    return bencode2.bencode(info)


def _piece_length(sources: Sequence[SourceFile]) -> int:
    import torf

    total = sum(source.size for source in sources)
    if not total:
        return MIN_PIECE
    length: int = torf.Torrent.calculate_piece_size(total, MIN_PIECE, MAX_PIECE)
    return length


def _piece_count(sources: Sequence[SourceFile]) -> int:
    return -(-sum(source.size for source in sources) // _piece_length(sources))


def _too_much() -> BadSource:
    return BadSource("This is too much for one torrent.", "Send it in parts.")


def _contents(sources: Sequence[SourceFile], name: str | None) -> dict[str, Any]:
    """Return the part of the info dictionary that lists the files."""
    first = sources[0].parts
    if len(sources) == 1 and len(first) == 1:
        return {"name": name or first[0], "length": sources[0].size}
    one_folder = all(len(s.parts) > 1 and s.parts[0] == first[0] for s in sources)
    return {
        "name": name or (first[0] if one_folder else f"{len(sources)} files"),
        "files": [
            {"length": s.size, "path": list(s.parts[1:] if one_folder else s.parts)}
            for s in sources
        ],
    }


def _hash(
    sources: Sequence[SourceFile],
    piece_length: int,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> bytes:
    """Return the SHA-1 of each piece, one after the other."""
    try:
        return hash_pieces(sources, piece_length, progress=progress, cancelled=cancelled)
    except Unreadable as error:
        why = getattr(error.__cause__, "strerror", None)
        raise BadSource(
            f"{path_text(error.source.path)} cannot be read: {why}.",
            told=f"{error.source.name} can no longer be read where it is.",
        ) from error
    except Changed as error:
        raise _changed(error.source) from None


def _check_unchanged(source: SourceFile) -> None:
    try:
        unchanged = source.is_unchanged(source.path.stat())
    except OSError:
        unchanged = False
    if not unchanged:
        raise _changed(source)


def _changed(source: Source) -> BadSource:
    return BadSource(
        f"{path_text(source.path)} changed while it was being prepared.",
        "Wait until nothing writes to it, or make a copy and send that.",
        told=f"{source.name} changed while it was being prepared.",
    )


def _apart(seen: Mapping[Path, Seen | None]) -> dict[Path, Seen | None]:
    """Return the chosen paths, made absolute, without those inside another chosen folder.

    A path is inside a folder by its spelling or by the real path of its parent: two paths may lead
    to one file. A chosen link is not resolved. A missing path is kept, so that it is reported.
    """
    # Resolves `..` and `.`, so that every path ends in a name.
    spelled = {Path(os.path.abspath(path)): was for path, was in seen.items()}  # noqa: PTH100
    real = {folder: Path(os.path.realpath(folder)) for folder in {p.parent for p in spelled}}
    places: dict[Path, Path] = {}
    for path in spelled:
        places.setdefault(real[path.parent] / path.name, path)
    everywhere = spelled.keys() | places.keys()
    return {
        path: spelled[path]
        for place, path in places.items()
        if everywhere.isdisjoint((*path.parents, *place.parents)) or not os.path.lexists(path)
    }
