"""Torrents made of what a person chose: found on the disk, hashed, described (BEP 3, v1).

The same content and names make the same torrent on every machine: nothing of the machine, its user
or the time goes in. Empty folders cannot stand in a torrent and are left out. Serving what was made
is storage.py's.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filesend_tui.core.errors import BadMetadata, BadSource
from filesend_tui.core.fileid import FileId, Seen
from filesend_tui.core.torrent.ground import Ground
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

    root: the chosen folder, or the folder of a chosen file. root_id: which folder that is. steps:
    names from there to it; no link is among them, and none that takes the place of one is followed.
    parts: what it is called in what is sent, a chosen folder's name in front. file_id: which file
    it is. size: in bytes. modified_ns: its modification time, in the file system's nanoseconds.
    """

    root: Path
    root_id: FileId
    steps: tuple[str, ...]
    parts: tuple[str, ...]
    file_id: FileId
    size: int
    modified_ns: int

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.root.joinpath(*self.steps)

    def is_unchanged(self, status: os.stat_result) -> bool:
        """Return whether `status` is of the same file, still as it was found.

        Size and time alone tell nothing: whoever made this file can give it those of another.
        """
        same = (status.st_size, status.st_mtime_ns) == (self.size, self.modified_ns)
        return same and self.file_id.is_of(status)


def scan(paths: Collection[Path]) -> tuple[SourceFile, ...]:
    """Return every file that the chosen files and folders hold, in the torrent's order.

    Of two chosen things with one name the second becomes `name (1)`; the same one twice counts
    once, and so does what lies in a chosen folder. A link that was chosen is followed. Inside a
    chosen folder, links are followed to files of that same folder; whoever put another link there
    might want a person to send what they never chose. Nor is anything sent that took the place of
    what was chosen: of a folder's content that holds from now on, of what was chosen itself from
    when it was.

    Args:
        paths: What was chosen. Of `Chosen` each must still be what it was then.

    Raises:
        BadSource: Something chosen is not there, is no file or folder, or was replaced; inside a
            folder there is a link that leads out of it, to a folder or nowhere, or a socket, device
            or FIFO; a file may not be read, a name is no valid text, or it is nothing at all or too
            much for one torrent.
    """
    seen = paths if isinstance(paths, Mapping) else dict.fromkeys(paths)
    sources: list[SourceFile] = []
    taken: set[str] = set()
    for chosen, was in _apart(seen).items():
        if not chosen.name:
            raise BadSource("A whole disk cannot be sent.", "Choose a folder on it.")
        number = 0
        while (name := numbered(chosen.name, number)) in taken:
            number += 1
        taken.add(name)
        with closing(_find(chosen, was, name)) as found:
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


def _apart(seen: Mapping[Path, Seen | None]) -> dict[Path, Seen | None]:
    """Return what was chosen by its absolute path, without what goes along with a chosen folder.

    Lying in a folder is told by the path as it is spelled, and by where its folder really is: two
    ways may lead to one file. A chosen link is itself, wherever it leads. What is not there goes
    along with nothing, or nobody would hear of it.
    """
    # A path spelled with `..` or `.` still needs the name of what it means.
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


def _find(chosen: Path, was: Seen | None, name: str) -> Generator[SourceFile]:
    """Yield the files of something chosen, which is called `name` in what is sent.

    Args:
        chosen: An absolute path.
        was: What it was when it was chosen; None where that is now.
        name: Of its own among all that is sent.
    """
    try:
        place = chosen.resolve(strict=True) if chosen.is_symlink() else chosen
        status = place.stat()
        is_folder = stat.S_ISDIR(status.st_mode)
        ground = Ground.at(place if is_folder else place.parent)
    except (OSError, RuntimeError) as error:  # a loop is a RuntimeError up to Python 3.12
        why = getattr(error, "strerror", None) or "it is a link that leads to itself"
        raise BadSource(f"{_shown(chosen)} cannot be read: {why}.") from error
    with ground:
        # Once more, by the way that it is read from now on: no link is followed any more.
        held = ground.status() if is_folder else _look(ground, place.name, place)
        same = FileId.of(status).is_of(held)
        if not same or (was is not None and not was.leads(chosen, held)):
            raise BadSource(
                f"{_shown(chosen)} was replaced after it was chosen.",
                "Look at it, then choose it again.",
            )
        if is_folder:
            yield from _walk(ground, name)
        elif stat.S_ISREG(held.st_mode):
            root = place.parent, FileId.of(ground.status())
            yield _source(str(place), root, (place.name,), (name,), held)
        else:
            raise BadSource(f"{_shown(chosen)} is neither a file nor a folder.")


def _walk(root: Ground, name: str) -> Iterator[SourceFile]:
    """Yield the files below a folder, which is called `name` in what is sent."""
    root_id = FileId.of(root.status())
    # What a link leads to is compared with where the folder really is.
    real = Path(os.path.realpath(root.path))
    pending: list[tuple[str, ...]] = [()]
    while pending:
        way = pending.pop()
        try:
            folder = root.below(*way)
        except OSError as error:
            raise _unreadable(root.path.joinpath(*way), error) from error
        prefix = os.path.join(folder.path, "")  # noqa: PTH118 - a Path for each takes its time
        with folder:
            for entry in _entries(folder):
                steps = (*way, entry.name)
                path = prefix + entry.name
                if _is_link(entry):
                    inside = _linked_file(Path(path), real).relative_to(real).parts
                    status = _status(root, inside, path)
                    yield _source(path, (real, root_id), inside, (name, *steps), status)
                elif entry.is_dir(follow_symlinks=False):
                    pending.append(steps)
                elif entry.is_file(follow_symlinks=False):
                    # Not entry.stat(): what Windows' folders say of a file may be old.
                    status = _look(folder, entry.name, path)
                    yield _source(path, (root.path, root_id), steps, (name, *steps), status)
                else:
                    raise _no_file(path)


def _entries(folder: Ground) -> Iterator[os.DirEntry[str]]:
    try:
        yield from folder.entries()
    except OSError as error:
        raise _unreadable(folder.path, error) from error


def _look(folder: Ground, name: str, path: str | Path) -> os.stat_result:
    """Return the status of a file in a folder; `path` is for people."""
    try:
        return folder.look(name)
    except OSError as error:
        raise _unreadable(path, error) from error


def _status(root: Ground, steps: tuple[str, ...], link: str) -> os.stat_result:
    """Return the status of the file that a link leads to, by steps that follow none."""
    try:
        descriptor = root.open(steps, os.O_RDONLY)
    except OSError as error:
        raise _unreadable(link, error) from error
    try:
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)


def _unreadable(path: str | Path, error: OSError) -> BadSource:
    return BadSource(f"{_shown(path)} cannot be read: {error.strerror or error}.")


def _no_file(path: str) -> BadSource:
    return BadSource(f"{_shown(path)} is neither a file nor a folder.", _LEAVE_OUT)


def _is_link(entry: os.DirEntry[str]) -> bool:
    # Windows' junctions are links too; Python knows them since 3.12.
    is_junction: Callable[[], bool] = getattr(entry, "is_junction", bool)
    return entry.is_symlink() or is_junction()


def _linked_file(link: Path, folder: Path) -> Path:
    """Return the file in `folder` that a link leads to. Both are real paths."""
    try:
        target = Path(os.path.realpath(link))
    except OSError as error:  # it was a link a moment ago
        raise _unreadable(link, error) from error
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
    root: tuple[Path, FileId],
    steps: tuple[str, ...],
    parts: tuple[str, ...],
    status: os.stat_result,
) -> SourceFile:
    if not stat.S_ISREG(status.st_mode):
        raise _no_file(path)  # only now: it was a file when its folder was read
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
    file_id = FileId.of(status)
    return SourceFile(*root, steps, parts, file_id, status.st_size, status.st_mtime_ns)


def _shown(path: str | Path) -> str:
    """Return a path that can be printed even where its bytes are no text."""
    return os.fsencode(path).decode("utf-8", "replace")
