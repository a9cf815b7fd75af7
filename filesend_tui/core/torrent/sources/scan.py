"""Scanning of chosen paths: each file that can be sent, and each path that cannot.

Only a file's status is read, never its content. What is made of the files is create.py's.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from filesend_tui.core.choices import Links, Sending
from filesend_tui.core.errors import BadSource, Offender
from filesend_tui.core.torrent.metainfo.attributes import Attributes, Link
from filesend_tui.core.torrent.metainfo.info import (
    MAX_FILES,
    MAX_FOLDERS,
    MAX_PATH_BYTES,
    MAX_PATH_PARTS,
)
from filesend_tui.core.torrent.sources.leaving_out import LeavingOut
from filesend_tui.core.torrent.sources.source_files import SourceFile, SourceFiles
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.part_folder.part_folder import is_part_name
from filesend_tui.core.torrent.storage.paths import numbered
from filesend_tui.core.util.file_id import FileId, Seen, changed_ns, place_of
from filesend_tui.core.util.text import path_text

# Windows' junctions are links too; Python knows them since 3.12.
_is_junction: Callable[[os.DirEntry[str]], bool] = getattr(
    os.DirEntry, "is_junction", lambda _: False
)
_LEAVE_OUT: Final = "Remove it, or choose the files beside it one by one."
_ARCHIVE_HINT: Final = "Put it into an archive (zip or tar) and send that."
_MANY_HINT: Final = "Mend them, choose without them, or leave them out with --skip-unreadable."
_RENAME: Final = "Rename it, then send it again."
_UNFINISHED: Final = "is a download that FileSend has not finished"


class Bounds(NamedTuple):
    """How much may be sent together. files: how many. characters: of one path, in all.

    links: how many links can be told of beside the files; none in a torrent alone.
    """

    files: int
    characters: int
    links: int = 0


#: What goes into one torrent.
OPEN: Final = Bounds(MAX_FILES, MAX_PATH_BYTES)


class FolderState(NamedTuple):
    """The state of a folder, which another folder, or one with other entries, does not have.

    place: device and inode number. modified_ns, changed_ns: its times.
    """

    place: tuple[int, int]
    modified_ns: int
    changed_ns: int | None

    @classmethod
    def of(cls, status: os.stat_result) -> FolderState:
        """Return the state of a status of os.stat or os.fstat."""
        return cls(place_of(status), status.st_mtime_ns, changed_ns(status))


@dataclass(frozen=True, slots=True)
class SourceFolder:
    """A folder of what is sent. path: where it is. parts, attributes: as of a SourceFile.

    state: what it was before its entries were listed; None: unknown.
    """

    path: Path
    parts: tuple[str, ...]
    attributes: Attributes
    state: FolderState | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """Its path in what is sent, `/` between names."""
        return "/".join(self.parts)


class Unfit(Exception):
    """Something cannot be sent.

    why: the reason, such as `may not be read`. hint: what to do where it is the only one.
    """

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.hint = hint


class Search:
    """Finds the files of chosen paths, and what of them cannot be sent.

    files, folders: in no order; a chosen folder is one of them. offenders: what cannot be sent.
    unfinished: FileSend's own unfinished downloads in a chosen folder. links: symbolic links that
    are kept. unwanted: how many files and folders were left out by what the person chose.

    Args:
        bounds: How much there may be.
        sending: What the person chose.
    """

    def __init__(self, bounds: Bounds, sending: Sending) -> None:
        self.files = SourceFiles()
        self.folders: list[SourceFolder] = []
        self.offenders: list[Offender] = []
        self.unfinished: list[Offender] = []
        self.links: list[Link] = []
        self.astray: list[Offender] = []
        self._places: dict[tuple[str, ...], tuple[Path, Path]] = {}
        self.unwanted = 0
        self._hint = ""
        self._bounds = bounds
        self._sending = sending
        self._alone = LeavingOut(sending._replace(gitignore=False))
        self._taken: set[str] = set()

    def choose(self, chosen: Path, was: Seen | None) -> None:
        """Find the files of a chosen path.

        Args:
            chosen: An absolute path.
            was: Its identity when it was chosen; None where that is now.

        Raises:
            BadSource: There are too many files.
        """
        number = 0
        while (name := numbered(chosen.name, number)) in self._taken:
            number += 1
        self._taken.add(name)
        with self._noting(chosen):
            self._find(chosen, was, name)

    def known_links(self) -> tuple[Link, ...]:
        """Return the kept links to what was found; the others are offenders, or astray.

        astray: links to what is there, and is not sent.
        """
        if not self.links:
            return ()
        found: set[tuple[str, ...]] = set(self.files.all_parts())
        found.update(folder.parts for folder in self.folders)
        found.update(link.parts for link in self.links)
        known: list[Link] = []
        for link in self.links:
            if link.to in found:
                known.append(link)
                continue
            path, leads = self._places[link.parts]
            if os.path.lexists(leads):
                self.astray.append(Offender(path, "is a link to what is not sent"))
            else:
                self._refuse(path, Unfit("is a link that does not lead to a file", _LEAVE_OUT))
        return tuple(known)

    def refusal(self) -> BadSource:
        """Return the error that names the offenders: the one, or the first and how many."""
        first, *others = self.offenders
        path = path_text(first.path)
        if not others:
            return BadSource(f"{path} {first.why}.", self._hint, offenders=self.offenders)
        return BadSource(
            f"{len(self.offenders):,} of these cannot be sent, such as {path}: it {first.why}.",
            _MANY_HINT,
            offenders=self.offenders,
        )

    # -- own affairs

    @contextmanager
    def _noting(self, path: Path | str) -> Iterator[None]:
        """Record why a path cannot be sent, and continue."""
        try:
            yield
        except Unfit as unfit:
            self._refuse(path, unfit)
        except OSError as error:
            self._refuse(path, _unreadable(error))

    def _refuse(self, path: Path | str, unfit: Unfit) -> None:
        self._hint = self._hint or unfit.hint
        self.offenders.append(Offender(Path(path), unfit.why))
        if len(self.offenders) > self._bounds.files:
            raise self.refusal()

    def _find(self, chosen: Path, was: Seen | None, name: str) -> None:
        if not name:
            raise Unfit("is a whole disk", "Choose a folder on it.")
        # Whatever its name there: links and folders above it count too.
        if _is_unfinished(chosen) or _is_unfinished(Path(os.path.realpath(chosen))):
            raise Unfit(_UNFINISHED, "Choose something else.")
        try:
            place = chosen.resolve(strict=True) if chosen.is_symlink() else chosen
        except RuntimeError as error:  # up to Python 3.12
            raise Unfit("is a link that leads to itself", _LEAVE_OUT) from error
        status = place.stat()
        is_folder = stat.S_ISDIR(status.st_mode)
        if self._alone.leaves_out((chosen.name,), folder=is_folder):
            self.unwanted += 1
            return
        with DirHandle.at(place if is_folder else place.parent) as ground:
            # Again, through the handle used from now on, which follows no link.
            held = ground.status() if is_folder else ground.look(place.name)
            same = FileId.of(status).is_of(held)
            if not same or (was is not None and not was.leads(chosen, held)):
                raise Unfit("was replaced after it was chosen", "Look at it, then choose it again.")
            if is_folder:
                self._walk(ground, name)
            else:
                root = place.parent, FileId.of(ground.status())
                self._add(place, root, (place.name,), (name,), held)

    def _walk(self, root: DirHandle, name: str) -> None:
        """Find the files below a folder, which is called `name` in what is sent."""
        root_id = FileId.of(root.status())
        # The target of a link is compared with the folder's real path.
        real = Path(os.path.realpath(root.path))
        outside = LeavingOut(self._sending, root)
        pending: list[tuple[str, ...]] = [()]
        while pending:
            way = pending.pop()
            with self._noting(root.path.joinpath(*way)), root.below(*way) as folder:
                self._add_folder(folder, (name, *way))
                outside.enter(folder, way)
                prefix = os.path.join(folder.path, "")  # noqa: PTH118 - a Path for each is slow
                for entry in folder.entries():
                    path, steps = prefix + entry.name, (*way, entry.name)
                    try:  # as _noting does, which for each file takes a fifth of the time
                        is_link = _is_link(entry)
                        is_dir = not is_link and entry.is_dir(follow_symlinks=False)
                        if outside.leaves_out(steps, folder=is_dir):
                            self.unwanted += 1
                        elif is_link and self._sending.links is not Links.FOLLOW:
                            if self._sending.links is Links.KEEP:
                                self._keep(folder, root, real, name, steps)
                        elif is_link:
                            inside = _linked_file(Path(path), real).relative_to(real).parts
                            status = _status(root, inside)
                            self._add(
                                path, (real, root_id), inside, (name, *steps), status, linked=True
                            )
                        elif not is_dir:
                            # Not entry.stat(): on Windows a folder's record of a file may be stale.
                            status = folder.look(entry.name)
                            self._add(path, (root.path, root_id), steps, (name, *steps), status)
                        elif is_part_name(entry.name):
                            self.unfinished.append(Offender(Path(path), _UNFINISHED))
                        else:
                            pending.append(steps)
                    except Unfit as unfit:
                        self._refuse(path, unfit)
                    except OSError as error:
                        self._refuse(path, _unreadable(error))

    def _add_folder(self, folder: DirHandle, parts: tuple[str, ...]) -> None:
        self._check_parts(parts)
        status = folder.status()
        self.folders.append(
            SourceFolder(folder.path, parts, Attributes.of(status), FolderState.of(status))
        )
        if len(self.folders) > MAX_FOLDERS:
            raise self._too_many(f"{MAX_FOLDERS:,} folders")

    def _add(
        self,
        path: Path | str,
        root: tuple[Path, FileId],
        steps: tuple[str, ...],
        parts: tuple[str, ...],
        status: os.stat_result,
        *,
        linked: bool = False,
    ) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise Unfit("is neither a file nor a folder", _LEAVE_OUT)
        self._check_parts(parts)
        if not os.access(path, os.R_OK):
            raise Unfit("may not be read", "Have its owner let you read it, or choose without it.")
        self.files.append(
            SourceFile(
                *root,
                steps,
                parts,
                FileId.of(status),
                status.st_size,
                status.st_mtime_ns,
                changed_ns(status),
                Attributes.of(status),
                max(0, status.st_size - 512 * getattr(status, "st_blocks", status.st_size)),
                1 if linked else status.st_nlink,
            )
        )
        if len(self.files) > self._bounds.files:
            raise self._too_many(f"{self._bounds.files:,} files")

    def _keep(
        self, folder: DirHandle, root: DirHandle, real: Path, name: str, steps: tuple[str, ...]
    ) -> None:
        """Keep a symbolic link that leads to something in the chosen folder."""
        parts = (name, *steps)
        self._check_parts(parts)
        inside = _led_to(root.path, real, steps, folder.read_link(steps[-1]))
        self.links.append(Link(parts, (name, *inside)))
        self._places[parts] = root.path.joinpath(*steps), root.path.joinpath(*inside)
        if len(self.links) > self._bounds.links:
            raise self._too_many(f"{self._bounds.links:,} links")

    def _check_parts(self, parts: tuple[str, ...]) -> None:
        spelled = "/".join(parts)
        raw = _encoded(spelled)
        if len(parts) > MAX_PATH_PARTS:
            raise Unfit("lies too deep in its folders", _ARCHIVE_HINT)
        if len(spelled) > self._bounds.characters or len(raw) >= MAX_PATH_BYTES:
            raise Unfit("has a name that is too long, with its folders", _ARCHIVE_HINT)

    def _too_many(self, what: str) -> BadSource:
        return BadSource(
            f"These are more than {what}, which is what goes at a time.",
            _ARCHIVE_HINT,
            offenders=self.offenders,
        )


def _encoded(name: str) -> bytes:
    try:
        return name.encode()
    except UnicodeEncodeError:
        raise Unfit("has a name that is not valid text", _RENAME) from None


def _unreadable(error: OSError) -> Unfit:
    return Unfit(f"cannot be read: {error.strerror or error}")


def _is_unfinished(path: Path) -> bool:
    """Return whether a path leads to an unfinished download of FileSend's, or into one."""
    return any(map(is_part_name, path.parts))


def _status(root: DirHandle, steps: tuple[str, ...]) -> os.stat_result:
    """Return the status of a link's target, opened by steps that follow no link."""
    descriptor = root.open(steps, os.O_RDONLY)
    try:
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)


def _is_link(entry: os.DirEntry[str]) -> bool:
    return entry.is_symlink() or _is_junction(entry)


def _linked_file(link: Path, folder: Path) -> Path:
    """Return the file in `folder` that a link leads to. Both are real paths. Raises OSError."""
    target = Path(os.path.realpath(link))
    if not target.is_relative_to(folder):
        why = "leads out of the folder that is being sent"
    elif target.is_dir():
        why = "leads to a folder"
    elif not target.is_file():
        why = "does not lead to a file"
    elif _is_unfinished(target.relative_to(folder)):
        why = "leads into a download that FileSend has not finished"
    else:
        return target
    raise Unfit(f"is a link that {why}", _LEAVE_OUT)


def _led_to(root: Path, real: Path, steps: tuple[str, ...], leads: str) -> tuple[str, ...]:
    """Return the names, below the chosen folder, of what a link there leads to, by its spelling.

    Nothing on the way may be a link: what is sent has real folders in their places.

    Args:
        root, real: The chosen folder, and its real path.
        steps: Names from there to the link.
        leads: The text of the link.

    Raises:
        Unfit: It leads elsewhere, or to the folder itself.
    """
    place = Path(os.path.normpath(root.joinpath(*steps[:-1], leads)))
    for ground in (root, real):
        if place != ground and place.is_relative_to(ground):
            inside = place.relative_to(ground)
            if _is_unfinished(inside):
                raise Unfit("is a link that leads into a download that is not finished", _LEAVE_OUT)
            return inside.parts
    raise Unfit("is a link that leads out of the folder that is being sent", _LEAVE_OUT)
