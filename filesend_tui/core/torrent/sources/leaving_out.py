"""What a person wants left out of the folders that they send: globs, and what git ignores.

Patterns are those of .gitignore files, by the pathspec library. Which files there are is scan.py's.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filesend_tui.core.choices import Sending
from filesend_tui.core.errors import BadSource
from filesend_tui.core.torrent.storage.dir_handle import DirHandle

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_FILE: Final = ".gitignore"
#: Bytes of a .gitignore that are read: no person wrote more.
_MOST_BYTES: Final = 1024 * 1024
#: Folders above a chosen one in which a repository's patterns are looked for.
_MOST_ABOVE: Final = 64


class LeavingOut:
    """Decides for the paths of one chosen folder.

    Args:
        sending: What the person chose.
        root: The chosen folder, held open; None: for chosen files alone.

    Raises:
        BadSource: A glob makes no sense.
    """

    def __init__(self, sending: Sending, root: DirHandle | None = None) -> None:
        self._exclude = _spec(sending.exclude) if sending.exclude else None
        self._gitignore = sending.gitignore
        #: Patterns by the names of the folder that they stand in, below the chosen one; those of
        #: folders above by nothing, with the way from there.
        self._below: dict[tuple[str, ...], GitIgnoreSpec] = {}
        self._above = _above(root.path) if root is not None and sending.gitignore else []

    def enter(self, folder: DirHandle, way: tuple[str, ...]) -> None:
        """Read what the folder itself says; its entries are asked about from now on."""
        if self._gitignore and (spec := _read(folder)) is not None:
            self._below[way] = spec

    def leaves_out(self, steps: Sequence[str], *, folder: bool) -> bool:
        """Return whether a path below the chosen folder is left out; a file chosen alone by name.

        Asked from the top: what is in a folder that is left out is not asked about.
        """
        name = "/".join(steps) + ("/" if folder else "")
        if self._exclude is not None and self._exclude.match_file(name):
            return True
        if not self._gitignore:
            return False
        # The patterns nearest to a file count first, as git has it.
        for length in range(len(steps) - 1, -1, -1):
            spec = self._below.get(tuple(steps[:length]))
            if spec is not None:
                told = spec.check_file("/".join(steps[length:]) + ("/" if folder else "")).include
                if told is not None:
                    return told
        for way, spec in self._above:
            told = spec.check_file(way + name).include
            if told is not None:
                return told
        return False


def _spec(lines: Sequence[str]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        raise BadSource(f"A pattern of what is left out makes no sense: {error}.") from error


def _read(folder: DirHandle) -> GitIgnoreSpec | None:
    """Return the patterns of a folder's own .gitignore, as git would read it: never by a link."""
    with suppress(OSError):
        descriptor = folder.open((_FILE,), os.O_RDONLY)
        try:
            text = os.read(descriptor, _MOST_BYTES)
        finally:
            os.close(descriptor)
        lines = text.decode("utf-8", "replace").splitlines()
        with suppress(BadSource):  # git takes no notice of it either
            return _spec(lines)
    return None


def _above(root: Path) -> list[tuple[str, GitIgnoreSpec]]:
    """Return the patterns of folders above, up to the repository's own, the nearest first.

    Each with the way from there to the chosen folder. None where it is in no repository.
    """
    found: list[tuple[str, GitIgnoreSpec]] = []
    if (root / ".git").exists():
        return found
    way = f"{root.name}/"
    for above in list(root.parents)[:_MOST_ABOVE]:
        with suppress(OSError), DirHandle.at(above) as folder:
            if (spec := _read(folder)) is not None:
                found.append((way, spec))
            if folder.exists(".git"):
                return found
        way = f"{above.name}/{way}"
    return []
