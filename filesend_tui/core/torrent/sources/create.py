"""Making torrents of chosen files and folders: bounded, hashed, described (BEP 3, v1).

The same content and names make the same torrent on every machine: nothing of the machine, its user
or the time goes in; which files can be run does, where the system tells (BEP 47). A torrent cannot
hold empty folders, links or a second name of a file; Found has them. What can be sent is scan.py's,
and serving what was made seed_files.py's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, overload

from filesend_tui.core.choices import SENDING, Sending
from filesend_tui.core.errors import BadMetadata, BadSource, Offender
from filesend_tui.core.torrent.metainfo.attributes import Link
from filesend_tui.core.torrent.metainfo.info import TorrentInfo, parse_info
from filesend_tui.core.torrent.sources.hashing import Changed, Source, Unreadable, hash_pieces
from filesend_tui.core.torrent.sources.scan import (
    OPEN,
    Bounds,
    FolderState,
    Search,
    SourceFolder,
)
from filesend_tui.core.torrent.sources.source_files import SourceFile, SourceFiles
from filesend_tui.core.torrent.sources.trusted import Hashed, take
from filesend_tui.core.util.file_id import Seen
from filesend_tui.core.util.text import path_text
from filesend_tui.core.wire.shape import MAX_METADATA, MAX_PIECES

#: Bytes of a piece, at least and at most: few hashes, yet little lost when one piece is bad.
MIN_PIECE: Final = 16 * 1024
MAX_PIECE: Final = 4 * 1024 * 1024
# Bytes that are left for the rest of the info dictionary: its name, a salt, and its keys.
_SPARE: Final = 8 * 1024
# How a file of a list begins; and one that its owner may run (BEP 47).
_PLAIN: Final = b"d6:lengthi%de4:pathl"
_PROGRAM: Final = b"d4:attr1:x6:lengthi%de4:pathl"
# Bytes around a file in such a list, and before a name, at most.
_MOST_AROUND: Final = 64
_MOST_BEFORE: Final = 6


@dataclass(frozen=True, slots=True)
class Found(Sequence[SourceFile]):
    """The result of `scan`: a sequence of the files found, in the torrent's order.

    chosen, bounds, sending: the arguments of `scan`. folders: all folders found, in order.
    left_out: what is not sent, and why. links: symbolic links that are kept, and further names of
    the files, in order. unwanted: how much was left out by what the person chose.
    """

    chosen: Collection[Path]
    bounds: Bounds
    sending: Sending
    files: SourceFiles
    folders: tuple[SourceFolder, ...] = ()
    left_out: tuple[Offender, ...] = ()
    links: tuple[Link, ...] = ()
    unwanted: int = 0

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
        full = {parts[:-1] for parts in self.files.all_parts()}
        full |= {folder.parts[:-1] for folder in self.folders}
        full |= {link.parts[:-1] for link in self.links}
        return tuple(folder for folder in self.folders if folder.parts not in full)


def scan(paths: Collection[Path], *, bounds: Bounds = OPEN, sending: Sending = SENDING) -> Found:
    """Return every file of the chosen files and folders, in the torrent's order.

    Of two chosen paths with one name the second becomes `name (1)`; a path chosen twice counts
    once, and so does one inside a chosen folder. A chosen link is followed. Inside a chosen folder,
    only links to files of that same folder are followed, or kept: any other link could make a
    person send what they never chose. A file with several names is found once where the others can
    be told. Nothing is sent that replaced what was chosen: a chosen path is checked
    since it was chosen, a folder's content from now on. FileSend's unfinished downloads in a chosen
    folder are left out.

    All errors that can be found locally are reported here, all together.

    Args:
        paths: What was chosen. Each path of a `Chosen` must still be what it was then.
        bounds: How much may be sent together; by default what one torrent holds.
        sending: How they are found and sent.

    Raises:
        BadSource: Something chosen is not there, is no file or folder, or was replaced; inside a
            folder there is a link that leads out of it, to a folder or nowhere, or a socket, device
            or FIFO; something may not be read; a name is no valid text, or too long. Its offenders
            are all of these. Or there is no file, or too much.
    """
    seen = paths if isinstance(paths, Mapping) else dict.fromkeys(paths)
    search = Search(bounds, sending)
    for chosen, was in _apart(seen).items():
        search.choose(chosen, was)
    links = search.known_links()
    if search.offenders and not (sending.skip and search.files):
        raise search.refusal()
    if not search.files:
        raise BadSource("There are no files in what was chosen.", "Choose at least one file.")
    # By code points, like the bytes of UTF-8: independent of locale and file system.
    files = search.files
    files.sort()
    further = _once(files, bounds.links - len(links))
    pieces = _piece_count(files)
    described = 20 * pieces + _SPARE
    if pieces > MAX_PIECES or (
        # Only what may be too long is described for that.
        files.names.size + _MOST_AROUND * len(files) + _MOST_BEFORE * files.names.parts + described
        > MAX_METADATA
        and len(_list_of(files)[1]) + described > MAX_METADATA
    ):
        raise _too_much()
    left_out = (*search.unfinished, *search.offenders, *search.astray)
    folders = tuple(sorted(search.folders, key=lambda folder: folder.parts))
    links = tuple(sorted((*links, *further)))
    return Found(paths, bounds, sending, files, folders, left_out, links, search.unwanted)


def is_as_found(found: Found) -> bool:
    """Return whether `scan` would find the same again, as far as a look at each tells. Blocking.

    Takes a third of the time of `scan`. Where what is ignored depends on files that are not sent,
    or something was left out, that would have to be looked for.
    """
    if found.sending.gitignore or found.left_out:
        return False
    seen = found.chosen.items() if isinstance(found.chosen, Mapping) else ()
    files = found.files
    try:
        return (
            all(was is None or was.leads(path, path.stat()) for path, was in seen)
            and all(f.state == FolderState.of(f.path.stat()) for f in found.folders)
            and all(
                files.is_as_found(number, os.stat(path))  # noqa: PTH116 - a Path is slow
                for number, path in enumerate(files.raw_paths())
            )
        )
    except (OSError, ValueError):
        return False


def _once(files: SourceFiles, most: int) -> list[Link]:
    """Leave each file by the first of its names alone; return its others, if they are few enough.

    Where they are more than `most`, each stays a file of its own.
    """
    further = files.further_names()
    if not further or len(further) > most:
        return []
    links = [Link(files.parts(n), files.parts(first), hard=True) for n, first in further.items()]
    files.leave_out(further)
    return links


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
    sources = SourceFiles.of(sources)
    raw = _describe(
        sources, name, salt, lambda: _hash(sources, _piece_length(sources), progress, cancelled)
    )
    try:
        made = parse_info(raw)
    except BadMetadata as error:
        raise _too_much() from error
    for number, path in enumerate(sources.raw_paths()):
        _check_unchanged(sources, number, path)
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

    first, listed = _list_of(sources)
    info: dict[str, Any] = {"name": name or first, "piece length": _piece_length(sources)}
    if not listed:
        info["length"] = sources[0].size
        if _runs(next(SourceFiles.of(sources).kept_modes())):
            info["attr"] = "x"
    if salt is not None:
        info["source"] = salt
    info["pieces"] = hashes()
    rest: bytes = bencode2.bencode(info)
    # The list's key precedes all others. It is written by hand: of 200,000 files, the dictionaries
    # that a library makes it from take 90 MB.
    return rest if not listed else b"".join((b"d5:files", listed, rest[1:]))


def _piece_length(sources: Sequence[SourceFile]) -> int:
    import torf

    total = _total(sources)
    if not total:
        return MIN_PIECE
    length: int = torf.Torrent.calculate_piece_size(total, MIN_PIECE, MAX_PIECE)
    return length


def _piece_count(sources: Sequence[SourceFile]) -> int:
    return -(-_total(sources) // _piece_length(sources))


def _total(sources: Sequence[SourceFile]) -> int:
    return sum(SourceFiles.of(sources).sizes)


def _too_much() -> BadSource:
    return BadSource("This is too much for one torrent.", "Send it in parts.")


def _list_of(sources: Sequence[SourceFile]) -> tuple[str, bytes]:
    """Return a torrent's name, and the bencoded list of its files; empty for a single file."""
    files = SourceFiles.of(sources)
    first = files.parts(0)
    if len(files) == 1 and len(first) == 1:
        return first[0], b""
    one_folder = all(len(parts) > 1 and parts[0] == first[0] for parts in files.names)
    listed = bytearray(b"l")
    for parts, size, mode in zip(files.names, files.sizes, files.kept_modes(), strict=True):
        listed += (_PROGRAM if _runs(mode) else _PLAIN) % size
        for part in parts[one_folder:]:
            raw = part.encode()
            listed += b"%d:%b" % (len(raw), raw)
        listed += b"ee"
    listed += b"e"
    return first[0] if one_folder else f"{len(files)} files", bytes(listed)


def _runs(mode: int) -> bool:
    """Return whether the owner of a file may run it. mode: of SourceFiles.kept_modes."""
    return mode != -1 and bool(mode & 0o100)


def _hash(
    sources: Sequence[SourceFile],
    piece_length: int,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> bytes:
    """Return the SHA-1 of each piece, one after the other."""
    try:
        files = SourceFiles.of(sources)
        return hash_pieces(
            files, piece_length, sizes=files.sizes, progress=progress, cancelled=cancelled
        )
    except Unreadable as error:
        why = getattr(error.__cause__, "strerror", None)
        raise BadSource(
            f"{path_text(error.source.path)} cannot be read: {why}.",
            told=f"{error.source.name} can no longer be read where it is.",
        ) from error
    except Changed as error:
        raise _changed(error.source) from None


def _check_unchanged(sources: SourceFiles, number: int, path: bytes) -> None:
    try:
        unchanged = sources.is_unchanged(number, os.stat(path))  # noqa: PTH116 - a Path is slow
    except OSError:
        unchanged = False
    if not unchanged:
        raise _changed(sources[number])


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
