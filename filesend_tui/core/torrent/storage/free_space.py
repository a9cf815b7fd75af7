"""The free space of a disk. Nothing is written, and no policy lives here."""

from __future__ import annotations

import shutil
from pathlib import Path

from filesend_tui.core.errors import StorageFailed


def free_space(folder: Path) -> int:
    """Return the free bytes of the disk that `folder` is on or, where it is missing, would be on.

    Blocking.

    Raises:
        StorageFailed: It cannot be read.
    """
    place = folder
    try:
        place = folder.expanduser().absolute()
        while not place.exists() and place != place.parent:
            place = place.parent
        return shutil.disk_usage(place).free
    except (OSError, RuntimeError) as error:  # RuntimeError: an unknown home
        why = getattr(error, "strerror", None) or error
        raise StorageFailed(
            f"The free space of {place} cannot be read: {why}.",
            "Choose another folder.",
        ) from error
