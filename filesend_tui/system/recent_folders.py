"""Recent folders, in which something was chosen, kept in a private file. Blocking.

Only a list of paths is kept: no names of files or people, and no times. No Textual.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

#: The most folders kept, and the most bytes read of the file.
MOST: Final = 20
MAX_BYTES: Final = 256 * 1024


def file_in(folder: Path) -> Path:
    """Return the path of the list in a state folder."""
    return folder / "recent-folders.json"


class RecentFolders:
    """The list in its file, newest first. Errors of the file are ignored, never raised."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> tuple[str, ...]:
        """Return the folders, whether or not they still exist."""
        try:
            with self._file.open("rb") as file:
                found = json.loads(file.read(MAX_BYTES))
        except (OSError, ValueError, RecursionError):
            return ()
        if not isinstance(found, list):
            return ()
        good = (each for each in found if isinstance(each, str) and os.path.isabs(each))  # noqa: PTH117
        return tuple(dict.fromkeys(each for each in good if "\0" not in each))[:MOST]

    def add(self, folders: Iterable[str]) -> None:
        """Put these before the others. Keep what another process added meanwhile."""
        before = self.read()
        after = tuple(dict.fromkeys((*folders, *before)))[:MOST]
        if after != before:
            with suppress(OSError):
                self._write(after)

    def _write(self, folders: Sequence[str]) -> None:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Readable by its owner alone, and replaced atomically.
        descriptor, made = tempfile.mkstemp(dir=self._file.parent, prefix=f".{self._file.name}-")
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                json.dump(folders, file, indent=1)
            os.replace(made, self._file)  # noqa: PTH105
        except BaseException:
            with suppress(OSError):
                os.unlink(made)  # noqa: PTH108
            raise
