"""Whether a folder can be written to, and whether files fit on its disk. Nothing is written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from filesend_tui.core.errors import NoSpace, StorageFailed
from filesend_tui.core.torrent.storage.free_space import free_space
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.util.figures import size_text


def check_folder(folder: Path | Target) -> Target:
    """Refuse a folder that nothing can be written to, before a transfer begins.

    Blocking; writes nothing.

    Args:
        folder: A folder as it was when it was chosen; a path is chosen now.

    Returns:
        The folder as it was when it was chosen.

    Raises:
        StorageFailed: It is no folder, may not be written to, cannot be made, or was replaced.
    """
    choose = "Choose another folder."
    path = folder.path if isinstance(folder, Target) else folder
    try:
        if "\0" in str(path):
            raise OSError(errno.EINVAL, "a name in it holds a NUL")
        place = path.expanduser().absolute()
        while not os.path.lexists(place) and place != place.parent:
            place = place.parent
        if place.is_symlink() and not place.exists():
            raise StorageFailed(f"{place} is a link that leads nowhere.", choose)
        if not place.is_dir():
            raise StorageFailed(f"{place} is not a folder.", choose)
        chosen = Target.of(folder)
        chosen.check()
    except (OSError, RuntimeError) as error:  # an unknown home is a RuntimeError
        why = getattr(error, "strerror", None) or error
        raise StorageFailed(f"{path} cannot be used: {why}.", choose) from error
    if not os.access(place, os.W_OK | os.X_OK):
        raise StorageFailed(f"Nothing may be written to {place}.", choose)
    return chosen


def check_room(folder: Path | Target, needed: int) -> Target:
    """Refuse a folder on whose disk `needed` bytes do not fit; else as check_folder.

    Raises:
        NoSpace: They do not.
        StorageFailed: As check_folder.
    """
    chosen = check_folder(folder)
    free = free_space(chosen.path)
    if needed > free:
        raise NoSpace(
            f"This needs {size_text(needed)}, but {chosen.path} has only {size_text(free)} free."
        )
    return chosen
