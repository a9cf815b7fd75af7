"""The field for a path: typed with `~`, completed from the disk."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from textual import events
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
    """A field for a path. The key that leads here is a `~`, which also begins one.

    So a path that is typed or pasted after it, and has a beginning of its own, is taken as it is.

    Attributes:
        led_here: The `~` in it is the key that led here, and perhaps not meant.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(suggester=_Names(), select_on_focus=True, id=id)
        self.led_here = False

    def validate_value(self, value: str) -> str:
        """Return the text without a beginning that another one follows."""
        value = super().validate_value(value)
        for twice in ("~~", "~/~", "~//"):
            if value.startswith(twice):
                return value[len(twice) - 1 :]
        return value

    @property
    def other_meaning(self) -> str | None:
        """The path that was meant where the `~` was not; None where it cannot have been."""
        return self.value[1:] if self.led_here and self.value.startswith("~/") else None

    def _on_paste(self, event: events.Paste) -> None:
        if event.text.lstrip().startswith(("/", "~")):
            self.value = ""

    def on_blur(self) -> None:
        """Forget how it was come to."""
        self.led_here = False
