"""The list of people: one line each, with a box to mark them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from textual.message import Message

from filesend_tui.state.people.everybody import Person, Standing
from filesend_tui.widgets.ink import Part, inks, row
from filesend_tui.widgets.line_list import LineList

#: Symbol, words and ink of each standing.
_STANDINGS: Final = {
    Standing.HERE: ("●", "here", "good"),
    Standing.AWAY: ("…", "away", "warn"),
    Standing.CALLED: ("…", "waiting for them", "warn"),
    Standing.ONLINE: ("○", "online", "good"),
    Standing.NEARBY: ("◌", "nearby", "quiet"),
    Standing.KNOWN: (" ", "", "quiet"),
    Standing.DOUBTED: ("✗", "a copy was used", "bad"),
}
#: Cells from which words are whole.
_WHOLE: Final = 44


class PeopleList(LineList[Person]):
    """Rows are people; the cursor stays on somebody when others come. marked: their keys."""

    COMPONENT_CLASSES = inks("bad", "good", "strong", "warn")

    @dataclass
    class Marked(Message):
        """Somebody was marked, or is no longer."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, empty=" Nobody yet.")
        self.marked: frozenset[str] = frozenset()

    def show(self, rows: Sequence[Person], *, cursor: int | None = None) -> None:
        """Show these people."""
        held = self.chosen
        if cursor is None and held is not None:
            cursor = next((at for at, each in enumerate(rows) if each.key == held.key), None)
        super().show(rows, cursor=cursor)

    def toggle(self) -> None:
        """Mark the one under the cursor, or no longer, and go on to the next."""
        if (person := self.chosen) is not None and person.addressable:
            self.marked ^= {person.key}
            self.redraw_row(self.cursor)
            self.move_to(self.cursor + 1)
            self.post_message(self.Marked())

    def draw_row(self, row_: Person, width: int) -> Sequence[Sequence[Part]]:
        """Draw box, symbol and name; at the right how one stands to them."""
        symbol, words, ink = _STANDINGS[row_.standing]
        box = "   "
        if row_.addressable:
            box = "[✓]" if row_.key in self.marked else "[ ]"
        if row_.waited:
            words = f"{words} {row_.waited}" if width >= _WHOLE else row_.waited
        elif row_.shown:
            words = f"{words}, shown now" if width >= _WHOLE else f"{words}, shown"
        elif not words and row_.last_seen:
            day = time.strftime("%Y-%m-%d", time.localtime(row_.last_seen))
            words = f"last seen {day}" if width >= _WHOLE else day
        left = [
            (f" {box} ", self.ink("good" if row_.key in self.marked else "plain")),
            (f"{symbol} ", self.ink(ink)),
            (row_.name, self.ink("strong" if row_.paired else "plain")),
        ]
        right = [(f"  {words} ", self.ink("bad" if ink == "bad" else "quiet"))]
        return [row(left, right, width, self.rich_style)]
