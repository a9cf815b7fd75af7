"""The list of what is unfinished: two lines a transfer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from filesend_tui.core.events import Unfinished
from filesend_tui.core.util.figures import size_text
from filesend_tui.core.util.text import clean
from filesend_tui.state.figures import short_path
from filesend_tui.state.unfinished import how_far, title, who
from filesend_tui.widgets.ink import Part, inks, row
from filesend_tui.widgets.line_list import LineList

#: Cells from which the size is shown, and the time of day; below the first, the day alone.
_SIZES, _TIMES = 44, 64


class UnfinishedList(LineList[Unfinished]):
    """Rows are unfinished transfers."""

    COMPONENT_CLASSES = inks("good", "strong", "warn")
    ROW_HEIGHT = 2

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, empty=" Nothing is unfinished.")

    def draw_row(self, row_: Unfinished, width: int) -> Sequence[Sequence[Part]]:
        """Draw name, size and time above; with whom, how far it got and where it goes below."""
        quiet, plain, base = self.ink("quiet"), self.ink("plain"), self.rich_style
        symbol, ink = ("▶", "good") if row_.running else ("…", "warn")
        form = "%Y-%m-%d %H:%M" if width >= _TIMES else "%m-%d"
        when = time.strftime(form, time.localtime(row_.updated))
        count = f"{row_.count:,} files · " if row_.count != 1 and width >= _TIMES else ""
        size = f"  {count}{size_text(row_.total_bytes)}" if width >= _SIZES else ""
        upper = row(
            [(f" {symbol} ", self.ink(ink)), (title(row_), self.ink("strong"))],
            [(size, quiet), (f"  {when} ", plain)],
            width,
            base,
        )
        where = f" → {short_path(Path(clean(row_.folder)))}" if row_.folder else ""
        left = [("   ", base), (f"{who(row_)} · {how_far(row_)}", quiet), (where, plain)]
        return [upper, row(left if where else left[:2], [], width, base)]
