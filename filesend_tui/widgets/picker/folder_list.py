"""A list of folders by their paths, one a row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from filesend_tui.state.figures import short_path
from filesend_tui.widgets.ink import Part, inks, row
from filesend_tui.widgets.line_list import LineList


class FolderList(LineList[str]):
    """Rows are paths of folders."""

    COMPONENT_CLASSES = inks("bar")

    def draw_row(self, row_: str, width: int) -> Sequence[Sequence[Part]]:
        """Draw the path."""
        path = Path(row_)
        parts = [(" ", self.rich_style), (short_path(path), self.ink("bar"))]
        return [row(parts, [], width, self.rich_style)]
