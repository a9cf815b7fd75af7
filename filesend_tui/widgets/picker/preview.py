"""The preview of the entry under the picker's cursor: its kind, size and beginning.

It reads a moment after the cursor stopped, in a thread, so that a slow disk blocks nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from textual import work
from textual.strip import Strip

from filesend_tui.core.util.figures import size_text
from filesend_tui.core.util.text import clean
from filesend_tui.system.daemon_threads import DaemonThreads
from filesend_tui.widgets.ink import Inked, Part, fit_middle, inks, strip
from filesend_tui.widgets.picker.folder import FolderEntry
from filesend_tui.widgets.picker.glimpse import Glimpse, glimpse

#: Seconds that the cursor rests before the disk is read.
REST: Final = 0.1


class Preview(Inked):
    """One entry, or nothing. A file's contents are untrusted, and drawn as plain text."""

    COMPONENT_CLASSES = inks("bar", "quiet", "strong", "warn")

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._entry: FolderEntry | None = None
        self._glimpse: Glimpse | None = None
        self._problem = ""
        self._beside = DaemonThreads()
        self._made: tuple[object, list[Sequence[Part]]] = (None, [])

    def show(self, entry: FolderEntry | None) -> None:
        """Show an entry as far as it is known, and start reading it; do nothing while hidden."""
        if entry is self._entry or not self.display:
            return
        self._entry, self._glimpse, self._problem = entry, None, ""
        self.redraw()
        if entry is not None and not (entry.refusal and not entry.is_folder):
            self._look(entry)

    @work(exclusive=True, group="glimpse", exit_on_error=False)
    async def _look(self, entry: FolderEntry) -> None:
        await asyncio.sleep(REST)
        try:
            found = await self._beside.look(glimpse, entry.path)
        except OSError as problem:
            self._problem = (problem.strerror or "it cannot be read").lower()
        else:
            self._glimpse = found
        self.redraw()

    def draw_line(self, y: int) -> Strip:
        """Draw one line."""
        width = self.scrollable_content_region.width
        made_of = self._entry, self._glimpse, self._problem, width, self.ink("plain")
        if self._made[0] != made_of:
            self._made = made_of, self._lines(width)
        lines = self._made[1]
        return strip(lines[y] if y < len(lines) else (), width, self.rich_style)

    def _lines(self, width: int) -> list[Sequence[Part]]:
        entry, found = self._entry, self._glimpse
        if entry is None:
            return []
        quiet, plain = self.ink("quiet"), self.ink("plain")
        name = clean(entry.name, 255) + ("/" if entry.is_folder else "")
        lines: list[Sequence[Part]] = [[(fit_middle(name, width), self.ink("strong"))]]
        if entry.refusal:
            lines.append([(f"Cannot be sent: {entry.refusal}.", self.ink("warn"))])
        if found is not None and found.target:
            lines.append([(f"Leads to {clean(found.target, 255)}", quiet)])
        lines.append([(self._about(entry, found), quiet)])
        if entry.modified:
            lines.append([(_when(entry.modified), quiet)])
        lines.append([])
        if self._problem:
            lines.append([(f"No look into it: {clean(self._problem)}.", self.ink("warn"))])
        elif found is not None:
            lines += [[(line, plain)] for line in found.lines]
            lines += [
                [(clean(each, 255), self.ink("bar") if each.endswith("/") else plain)]
                for each in found.names
            ]
        return lines

    def _about(self, entry: FolderEntry, found: Glimpse | None) -> str:
        size = "" if entry.is_folder or entry.size is None else size_text(entry.size)
        if found is None:
            if self._problem or (entry.refusal and not entry.is_folder):
                return size
            return f"{size} · looking…" if size else "Looking…"
        if not entry.is_folder:
            return f"{size} · {found.kind}" if size else found.kind
        counts = [
            f"{count:,} {one if count == 1 else many}"
            for count, one, many in (
                (found.folders, "folder", "folders"),
                (found.files, "file", "files"),
            )
            if count
        ]
        if not counts:
            return "Empty"
        return ("More than " if found.uncounted else "") + ", ".join(counts)


def _when(modified: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(modified))
    except (OSError, OverflowError, ValueError):
        return ""
