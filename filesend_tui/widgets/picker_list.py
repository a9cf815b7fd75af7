"""What is in a folder, each with a tick when it is chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from filesend_tui.core.figures import size_text
from filesend_tui.core.text import clean
from filesend_tui.widgets.folder import FolderEntry
from filesend_tui.widgets.ink import Part, row
from filesend_tui.widgets.line_list import LineList


class PickerList(LineList[FolderEntry]):
    """Rows are folder entries; `is_chosen` tells which bear a tick."""

    def __init__(self, is_chosen: Callable[[Path], bool], *, id: str | None = None) -> None:
        super().__init__(id=id, empty=" Nothing here.")
        self._is_chosen = is_chosen

    def draw_row(self, row_: FolderEntry, width: int) -> Sequence[Sequence[Part]]:
        """Draw `[✓] name … size`."""
        chosen = self._is_chosen(row_.path)
        mark = ("[✓] ", self.ink("good")) if chosen else ("[ ] ", self.ink("quiet"))
        if row_.is_folder:
            name = (f"▸ {clean(row_.name, 255)}/", self.ink("bar"))
            note = "folder"
        else:
            name = (f"  {clean(row_.name, 255)}", self.ink("plain"))
            note = "?" if row_.size is None else size_text(row_.size)
        right = (f"  {note} ", self.ink("quiet"))
        return [row([(" ", self.rich_style), mark, name], [right], width, self.rich_style)]
