"""Torrents made of what a person chose: found on the disk, hashed, described (BEP 3, v1).

The same content and names make the same torrent on every machine: nothing of the machine, its user
or the time goes in. Empty folders cannot stand in a torrent and are left out. Serving what was made
is storage.py's.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filesend_tui.core.errors import BadMetadata, BadSource
from filesend_tui.core.torrent.hashing import Changed, Source, Unreadable, hash_pieces
from filesend_tui.core.torrent.metainfo import (
    MAX_FILES,
    MAX_PATH_BYTES,
    MAX_PATH_PARTS,
    TorrentInfo,
    parse_info,
)
from filesend_tui.core.torrent.paths import numbered

#: Bytes of a piece, at least and at most: few hashes, yet little lost when one piece is bad.
MIN_PIECE: Final = 16 * 1024
MAX_PIECE: Final = 4 * 1024 * 1024

_LEAVE_OUT: Final = "Remove it, or choose the files beside it one by one."
_ARCHIVE_HINT: Final = "Put it into an archive (zip or tar) and send that."


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to be sent, as it was when it was found.

    root: the chosen folder, or the folder of a chosen file. steps: names from there to it; no link
    is among them, and none that takes the place of one is followed. parts: what it is called in
    what is sent, a chosen folder's name in front. size: in bytes. modified_ns: its modification
    time, in the file system's nanoseconds.
    """

    root: Path
    steps: tuple[str, ...]
    parts: tuple[str, ...]
    size: int
    modified_ns: int

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.root.joinpath(*self.steps)

    def is_unchanged(self, status: os.stat_result) -> bool:
        """Return whether `status` still shows the file as it was found."""
        return (status.st_size, status.st_mtime_ns) == (self.size, self.modified_ns)


def scan(paths: Sequence[Path]) -> tuple[SourceFile, ...]:
    """Return every file that the chosen files and folders hold, in the torrent's order.

    Of two chosen things with one name the second becomes `name (1)`; the same one twice counts
    once. A link that was chosen is followed. Inside a chosen folder, links are followed to files of
    that same folder; whoever put another link there might want a person to send what they never
    chose.

    Raises:
        BadSource: Something chosen is not there or no file or folder; inside a folder there is a
            link that leads out of it, to a folder or nowhere, or a socket, device or FIFO; a file
            may not be read, a name is no valid text, or it is nothing at all or too much for one
            torrent.
    """
    sources: list[SourceFile] = []
    taken: set[str] = set()
    # A path spelled with `..` or `.` still needs the name of what it means.
    for chosen in dict.fromkeys(Path(os.path.abspath(path)) for path in paths):  # noqa: PTH100
        if not chosen.name:
            raise BadSource("A whole disk cannot be sent.", "Choose a folder on it.")
        number = 0
        while (name := numbered(chosen.name, number)) in taken:
            number += 1
        taken.add(name)
        try:
            place = chosen.resolve(strict=True) if chosen.is_symlink() else chosen
            status = place.stat()
        except (OSError, RuntimeError) as error:  # a loop is a RuntimeError up to Python 3.12
            why = getattr(error, "strerror", None) or "it is a link that leads to itself"
            raise BadSource(f"{_shown(chosen)} cannot be read: {why}.") from error
        if stat.S_ISDIR(status.st_mode):
            found = _walk(place, name)
        elif stat.S_ISREG(status.st_mode):
            found = iter([_source(str(place), place.parent, (place.name,), (name,), status)])
        else:
            raise BadSource(f"{_shown(chosen)} is neither a file nor a folder.")
        for source in found:
            sources.append(source)
            if len(sources) > MAX_FILES:
                raise BadSource(f"These are more than {MAX_FILES} files.", _ARCHIVE_HINT)
    if not sources:
        raise BadSource("There are no files in what was chosen.", "Choose at least one file.")
    # By code points, as the bytes of UTF-8 are: no machine's language or file system decides.
    return tuple(sorted(sources, key=lambda source: source.parts))


def make_torrent(
    sources: Sequence[SourceFile],
    *,
    name: str | None = None,
    salt: str | None = None,
    progress: Callable[[int, int], None] = lambda _hashed, _total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> TorrentInfo:
    """Hash the files and return the torrent that describes them, in their order.

    A file alone becomes a single-file torrent; one folder a torrent of its name; several things
    entries side by side, under a name that is only for show.

    Args:
        sources: As `scan` returned them.
        name: The torrent's; its own, or such as `3 files`, where none is given.
        salt: Makes the infohash differ from that of another torrent of the same content.
        progress: Told (bytes hashed, bytes in all) at the start, at the end and in between at most
            ten times a second, on this thread.
        cancelled: Asked after each buffer, on any thread.

    Raises:
        BadSource: A file cannot be read or changed since `scan`, or they are too many.
        Cancelled: `cancelled` said so.
    """
    import bencode2
    import torf

    total = sum(source.size for source in sources)
    piece_length = MIN_PIECE
    if total:
        piece_length = torf.Torrent.calculate_piece_size(total, MIN_PIECE, MAX_PIECE)

    info = _contents(sources, name)
    info["piece length"] = piece_length
    if salt is not None:
        info["source"] = salt
    info["pieces"] = _hash(sources, piece_length, progress, cancelled)
    try:
        made = parse_info(bencode2.bencode(info))
    except BadMetadata as error:
        raise BadSource("This is too much for one torrent.", _ARCHIVE_HINT) from error
    for source in sources:
        _check_unchanged(source)
    return made


def _contents(sources: Sequence[SourceFile], name: str | None) -> dict[str, Any]:
    """Return the part of the info dictionary that says which files there are."""
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
        raise BadSource(f"{_shown(error.source.path)} cannot be read: {why}.") from error
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
        f"{_shown(source.path)} changed while it was being prepared.",
        "Wait until nothing writes to it, then send it again.",
    )


def _walk(root: Path, name: str) -> Iterator[SourceFile]:
    """Yield the files below a folder, which is called `name` in what is sent."""
    # What a link leads to is compared with where the folder really is.
    real = Path(os.path.realpath(root))
    pending: list[tuple[str, ...]] = [()]
    while pending:
        way = pending.pop()
        folder = os.path.join(root, *way)  # noqa: PTH118 - a Path for each file takes its time
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    path, steps = entry.path, (*way, entry.name)
                    if _is_link(entry):
                        target = _linked_file(Path(path), real)
                        inside = target.relative_to(real).parts
                        yield _source(str(target), real, inside, (name, *steps), target.stat())
                    elif entry.is_dir(follow_symlinks=False):
                        pending.append(steps)
                    elif entry.is_file(follow_symlinks=False):
                        # Not entry.stat(): what Windows' folders say of a file may be old.
                        status = os.stat(path, follow_symlinks=False)  # noqa: PTH116
                        yield _source(path, root, steps, (name, *steps), status)
                    else:
                        raise BadSource(
                            f"{_shown(path)} is neither a file nor a folder.", _LEAVE_OUT
                        )
        except OSError as error:
            place = _shown(error.filename or folder)
            raise BadSource(f"{place} cannot be read: {error.strerror}.") from error


def _is_link(entry: os.DirEntry[str]) -> bool:
    # Windows' junctions are links too; Python knows them since 3.12.
    is_junction: Callable[[], bool] = getattr(entry, "is_junction", bool)
    return entry.is_symlink() or is_junction()


def _linked_file(link: Path, folder: Path) -> Path:
    """Return the file in `folder` that a link leads to. Both are real paths."""
    target = Path(os.path.realpath(link))
    if not target.is_relative_to(folder):
        why = "leads out of the folder that is being sent"
    elif target.is_dir():
        why = "leads to a folder"
    elif not target.is_file():
        why = "does not lead to a file"
    else:
        return target
    raise BadSource(f"{_shown(link)} is a link that {why}.", _LEAVE_OUT)


def _source(
    path: str,
    root: Path,
    steps: tuple[str, ...],
    parts: tuple[str, ...],
    status: os.stat_result,
) -> SourceFile:
    try:
        size = len("/".join(parts).encode()) + 1
    except UnicodeEncodeError:
        raise BadSource(
            f"The name of {_shown(path)} is not valid text.", "Rename it, then send it again."
        ) from None
    if size > MAX_PATH_BYTES or len(parts) > MAX_PATH_PARTS:
        raise BadSource(f"{_shown(path)} lies too deep in its folders.", _ARCHIVE_HINT)
    if not os.access(path, os.R_OK):
        raise BadSource(f"{_shown(path)} may not be read.")
    return SourceFile(root, steps, parts, status.st_size, status.st_mtime_ns)


def _shown(path: str | Path) -> str:
    """Return a path that can be printed even where its bytes are no text."""
    return os.fsencode(path).decode("utf-8", "replace")
