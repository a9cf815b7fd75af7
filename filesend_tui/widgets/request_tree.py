"""The files of a request as a tree, each file and folder with its size and its yes or no."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from textual import events
from textual.message import Message

from filesend_tui.core.util.figures import size_text
from filesend_tui.state.request_choice import Node
from filesend_tui.widgets.ink import Part, inks, row
from filesend_tui.widgets.line_list import LineList

#: Columns below which marks have no words, and folders no count of their files.
_NARROW: Final = 56
#: Cells at a row's left end in which a click toggles the answer; beyond, it opens a folder.
_MARK_CELLS: Final = 8


class RequestTree(LineList[Node]):
    """Rows are nodes of a RequestChoice, drawn again by `redraw` when it changed."""

    COMPONENT_CLASSES = inks("bad", "bar", "good", "warn")
    #: Whether all folders are shown open, as during a search.
    all_open = False

    @dataclass
    class Marked(Message):
        """The mark of the row under the cursor was clicked, or a file."""

    @dataclass
    class Folded(Message):
        """The name of the folder under the cursor was clicked."""

    def draw_row(self, row_: Node, width: int) -> Sequence[Sequence[Part]]:
        """Draw `✓ yes  ▾ folder/ … 3 files  12 MB`."""
        narrow = width < _NARROW
        indent = "  " * min(row_.depth, max(0, width // 3 // 2))
        mark, word, ink = ("~", "some", "warn")
        if row_.yes == row_.files:
            mark, word, ink = ("✓", "yes", "good")
        elif not row_.yes:
            mark, word, ink = ("✗", "no", "bad")
        quiet = self.ink("quiet")
        plain = self.ink("plain") if row_.yes else quiet
        left = [
            (f" {mark} " if narrow else f" {mark} {word:<5}", self.ink(ink)),
            (indent, self.rich_style),
        ]
        right = [(f"  {size_text(row_.size)} ", quiet)]
        if row_.is_folder:
            left.append(("▾ " if row_.is_open or self.all_open else "▸ ", self.ink("bar")))
            left.append((f"{row_.name}/", plain))
            if not narrow:
                right.insert(0, (f"  {_files(row_)}", quiet))
            if row_.hidden:
                right.insert(0, (f"  {row_.hidden:,} hidden", self.ink("warn")))
        else:
            left.append((f"  {row_.name}", plain))
            if row_.hidden:
                right.insert(0, ("  hidden", self.ink("warn")))
        if row_.there:
            right.insert(
                0,
                (f"  {_there(row_, narrow=narrow)}", self.ink("bad" if row_.replaced else "warn")),
            )
        return [row(left, right, width, self.rich_style)]

    def on_click(self, event: events.Click) -> None:
        """Toggle the answer of a clicked mark or file; open or close a folder by its name."""
        event.prevent_default()
        index = event.y + self.scroll_offset.y
        if index >= len(self.rows):
            return
        self.move_to(index)
        if self.rows[index].is_folder and event.x >= _MARK_CELLS:
            self.post_message(self.Folded())
        else:
            self.post_message(self.Marked())


def _there(node: Node, *, narrow: bool) -> str:
    """Return what becomes of what is in the folder already."""
    if not node.is_folder:
        return "replaces" if node.replaced else "there"
    if not node.replaced:
        return f"{node.there:,} there"
    return f"{node.replaced:,} {'' if narrow else f'of {node.there:,} '}replaced"


def _files(folder: Node) -> str:
    some = f"{folder.yes:,} of " if 0 < folder.yes < folder.files else ""
    return f"{some}{folder.files:,} file{'' if folder.files == 1 else 's'}"
