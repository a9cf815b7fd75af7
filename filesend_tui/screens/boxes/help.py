"""Help: every key on one page, made from the table of keys; those of the current place first."""

from __future__ import annotations

import textwrap
from typing import ClassVar, Final

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from filesend_tui.keys import TABLE, WITHIN
from filesend_tui.screens.boxes.box import BoxScreen
from filesend_tui.widgets.bound import bindings

_HOW: Final = (
    "1  Pair: tell your code, or type theirs.",
    "2  Send: choose files; the other person says yes or no.",
    "3  The files go straight from one machine to the other.",
)
_RULES: Final = (
    "A key does the same everywhere. In a field, keys are letters: Esc leaves it. Drop files on "
    "the window to choose them."
)
#: Cells for the keys.
_KEY_CELLS: Final = 13


class HelpScreen(BoxScreen[None]):
    """One page that scrolls.

    Args:
        place: The group of keys that comes first.
    """

    PLACE = "help"
    BINDINGS: ClassVar[list[BindingType]] = bindings("help")

    def __init__(self, place: str) -> None:
        super().__init__()
        self._place = place

    def compose_box(self) -> ComposeResult:
        """Yield the page."""
        with VerticalScroll(id="page"):
            yield Static("", markup=False)

    def on_mount(self) -> None:
        """Set the title, and focus the page so that the arrows scroll it."""
        super().on_mount()
        self.query_one("#box").border_title = "Help"
        self.query_one("#page").focus()

    def on_resize(self) -> None:
        """Lay the page out for this width."""
        self.call_after_refresh(self._lay_out)

    def _lay_out(self) -> None:
        width = self.query_one("#page").region.width - 1  # the page scrolls
        self.query_one("#page Static", Static).update(page(self._place, width))


def page(place: str, width: int = 80) -> Content:
    """Return the help page, the keys of a place first; `width` cells wide."""
    here = (place, *WITHIN.get(place, ()))
    groups = dict.fromkeys((*here, "app", *(name for name in TABLE if name != "help")))
    parts: list[tuple[str, str]] = []
    for name in groups:
        group = TABLE[name]
        lines = [(key.all_shown, key.about) for key in group.keys if key.about]
        if lines:
            parts += [(group.title + "\n", "$primary bold")]
        for keys, about in lines:
            gap = " " * max(2, _KEY_CELLS - cell_len(keys))
            head = f"  {keys}{gap}"
            text = textwrap.fill(about, max(12, width - len(head)))
            text = text.replace("\n", "\n" + " " * (_KEY_CELLS + 2))
            parts += [("  " + keys, "bold"), (f"{gap}{text}\n", "")]
        if lines:
            parts += [("\n", "")]
    parts += [("How it works\n", "$primary bold"), ("\n".join(("", *_HOW))[1:] + "\n\n", "")]
    parts += [(_RULES, "$foreground 75%")]
    return Content.assemble(*parts)
