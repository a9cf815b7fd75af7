"""The list of the history: two lines an entry."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from filesend_tui.core.events import History, Result
from filesend_tui.core.util.figures import size_text
from filesend_tui.state.figures import road_words, short_path
from filesend_tui.state.past import ENDS, how_ended, title, who
from filesend_tui.widgets.ink import Part, inks, row
from filesend_tui.widgets.line_list import LineList

_NOTHING: Final = " Nothing here yet."
_NO_MATCH: Final = " Nothing with this in its name."
#: Cells from which the size is shown, and the time of day; below the first, the day alone.
_SIZES, _TIMES = 44, 64


class HistoryList(LineList[History]):
    """Rows are entries of the history."""

    COMPONENT_CLASSES = inks("bad", "good", "strong", "warn")
    ROW_HEIGHT = 2

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, empty=_NOTHING)

    def show_entries(self, entries: Sequence[History], part: str) -> None:
        """Show these, found by a part of a name if there is one."""
        self._empty = _NO_MATCH if part else _NOTHING
        self.show(entries)

    def draw_row(self, row_: History, width: int) -> Sequence[Sequence[Part]]:
        """Draw names, size and time above; with whom, how it ended and where it is below."""
        quiet, plain, base = self.ink("quiet"), self.ink("plain"), self.rich_style
        symbol, ink = ENDS[row_.result]
        form = "%Y-%m-%d %H:%M" if width >= _TIMES else "%m-%d"
        when = time.strftime(form, time.localtime(row_.ended))
        size = f"  {size_text(row_.total_bytes)}" if width >= _SIZES and row_.total_bytes else ""
        upper = row(
            [(f" {symbol} ", self.ink(ink)), (title(row_), self.ink("strong"))],
            [(size, quiet), (f"  {when} ", plain)],
            width,
            base,
        )
        where = f" → {short_path(Path(row_.folder))}" if row_.folder else ""
        road = f"{road_words(row_.road)} " if row_.road and width >= _TIMES else ""
        left = [("   ", base), (f"{who(row_)}{_unless_done(row_)}", quiet), (where, plain)]
        return [upper, row(left if where else left[:2], [(road, quiet)], width, base)]


def _unless_done(entry: History) -> str:
    """Return how an entry ended, and why; nothing where it ended well, as its symbol says."""
    if entry.result is Result.DONE:
        return ""
    return f" · {how_ended(entry)}"
