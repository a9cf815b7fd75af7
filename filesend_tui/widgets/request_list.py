"""The files of a request, each with its size and its yes or no."""

from __future__ import annotations

from collections.abc import Sequence

from filesend_tui.core.events import FileEntry
from filesend_tui.core.figures import size_text
from filesend_tui.widgets.ink import Part, row
from filesend_tui.widgets.line_list import LineList


class RequestList(LineList[tuple[FileEntry, bool]]):
    """Rows are (file, yes or no)."""

    def draw_row(self, row_: tuple[FileEntry, bool], width: int) -> Sequence[Sequence[Part]]:
        """Draw `✓ yes  path … hidden  size`."""
        entry, yes = row_
        mark = ("✓ yes ", self.ink("good")) if yes else ("✗ no  ", self.ink("bad"))
        name = (entry.path, self.ink("plain" if yes else "quiet"))
        size = (f"  {size_text(entry.size)} ", self.ink("quiet"))
        right = [("  hidden", self.ink("warn")), size] if entry.hidden else [size]
        return [row([(" ", self.rich_style), mark, name], right, width, self.rich_style)]
