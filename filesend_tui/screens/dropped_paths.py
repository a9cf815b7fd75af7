"""Paths that were dropped on the terminal, pasted or typed: looked up on disk, and chosen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from filesend_tui.core.util.text import clean
from filesend_tui.state import notices
from filesend_tui.state.picked import Picked
from filesend_tui.state.views import Level, Notice
from filesend_tui.widgets.ink import fit_middle
from filesend_tui.widgets.picker.dropped import choose
from filesend_tui.widgets.picker.folder import FolderEntry, find

#: Cells of a name that a notice shows.
_NAME = 60


def find_all(text: str, base: Path | None = None) -> tuple[FolderEntry, ...]:
    """Return an entry for each path in a text, if all of them exist. Blocking.

    base: the folder that relative paths start from; without one only absolute paths count.
    """

    def absolute(path: Path) -> str:
        # Links are not resolved: the person named the link, not its target.
        return os.path.abspath(path if base is None else base / path)  # noqa: PTH100

    def exists(path: Path) -> bool:
        return (base is not None or path.is_absolute()) and os.path.lexists(absolute(path))

    found = (find(absolute(path)) for path in choose(text, exists))
    return tuple(entry for entry in found if entry is not None)


def pick(picked: Picked, found: Sequence[FolderEntry]) -> Notice:
    """Choose what can be sent; return the notice about it."""
    picked.add({entry.path: entry.weight for entry in found if not entry.refusal})
    chosen = [_short(entry.name) for entry in found if not entry.refusal]
    refused = [f"{_short(each.name)} ({each.refusal})" for each in found if each.refusal]
    return notices.dropped(chosen, refused)


def not_there(text: str, hint: str) -> Notice:
    """Return the notice about a text whose paths do not exist."""
    first = (text.strip().splitlines() or ["That"])[0]
    return Notice(Level.ERROR, f"{_short(first)} is not there.", hint)


def _short(name: str) -> str:
    return fit_middle(clean(name, 4096), _NAME)
