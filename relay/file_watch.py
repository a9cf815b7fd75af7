"""Files that other programs write anew while a relay runs: looks at them for whether they did.

What is in them, and what becomes of it, never lives here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

#: Seconds between two looks at the files.
LOOK_EVERY: Final = 10.0

#: Of each file: its inode, its size in bytes, and when it was written, in nanoseconds.
_State: TypeAlias = tuple[int, int, int]


class FileWatch:
    """Tells whether files changed; a file that is away counts as another.

    Args:
        paths: Of the files. Links are followed.
    """

    def __init__(self, *paths: Path) -> None:
        self._paths = paths
        self._seen = self._look()

    def changed(self) -> bool:
        """Return whether one did since the last time that this was asked. Blocking."""
        before, self._seen = self._seen, self._look()
        return self._seen != before

    def _look(self) -> list[_State | None]:
        return [_state(path) for path in self._paths]


async def keep_looking(renew: Callable[[], object]) -> None:
    """Call what takes changed files up, in a thread, every so often, for as long as this runs."""
    while True:
        await asyncio.sleep(LOOK_EVERY)
        await asyncio.to_thread(renew)


def _state(path: Path) -> _State | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
