"""The field for a path: typed with `~`, completed from the disk."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from textual.suggester import Suggester

from filesend_tui.widgets.fields.completing_field import CompletingField


class _Names(Suggester):
    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        return await asyncio.to_thread(complete_path, value)


def complete_path(text: str, *, folders: bool = False) -> str | None:
    """Return the text with its last part completed to the first name that matches. Blocking.

    Args:
        text: The text typed; completed only where it starts with `/` or `~`.
        folders: Match folders only, and end in a slash, so that typing can go on.
    """
    folder, _, start = text.rpartition("/")
    if not start or not text.startswith(("/", "~")):
        return None
    try:
        with os.scandir(Path(f"{folder}/").expanduser()) as found:
            names = sorted(
                item.name
                for item in found
                if item.name.startswith(start) and (not folders or item.is_dir())
            )
    except (OSError, RuntimeError, ValueError):  # nobody's home; a NUL
        return None
    return f"{folder}/{names[0]}{'/' if folders else ''}" if names else None


class PathField(CompletingField):
    """A field for a path."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(suggester=_Names(), select_on_focus=True, id=id)
