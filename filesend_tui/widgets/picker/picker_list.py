"""A folder's entries, and the keys that choose among them: one, all, a range.

The choice is a Picked, which outlives the folder. No disk access here.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from textual import on
from textual.binding import BindingType
from textual.message import Message

from filesend_tui.core.util.figures import size_text
from filesend_tui.core.util.text import clean
from filesend_tui.state.picked import Picked, Weight
from filesend_tui.widgets.bound import bindings
from filesend_tui.widgets.ink import Part, inks, row
from filesend_tui.widgets.line_list import LineList
from filesend_tui.widgets.picker.folder import FolderEntry

#: Cells of the box before a name, with its spaces.
BOX: Final = 5
#: Cells from which a list shows dates, and from which the time of day as well.
_DATES, _TIMES = 52, 80


@dataclass(slots=True)
class _Range:
    """A range of chosen rows, from anchor to cursor, added to `before`. held: until it is ended."""

    anchor: int
    before: Picked
    held: bool


class PickerList(LineList[FolderEntry]):
    """Rows are a folder's entries."""

    COMPONENT_CLASSES = inks("bad", "bar", "good", "warn")
    BINDINGS: ClassVar[list[BindingType]] = bindings("picker")

    @dataclass
    class Changed(Message):
        """The choice changed."""

    @dataclass
    class Unchanged(Message):
        """An entry could not be chosen. why: in a sentence; hint: what to do instead."""

        why: str
        hint: str

    @dataclass
    class Opened(Message):
        """A folder was double-clicked."""

        entry: FolderEntry

    def __init__(self, picked: Picked, *, id: str | None = None) -> None:
        super().__init__(id=id, empty=" Nothing here.")
        self._picked = picked
        self._range: _Range | None = None
        self._stretching = False

    def show(
        self,
        rows: Sequence[FolderEntry],
        *,
        cursor: int | None = None,
        empty: str = " Nothing here.",
    ) -> None:
        """Show these rows; end an open range, and keep it chosen."""
        self._range = None
        self._empty = empty
        super().show(rows, cursor=cursor)

    # -- choosing

    def action_choose(self) -> None:
        """Toggle the entry under the cursor, and move the cursor on."""
        entry = self.chosen
        self.end_range()
        if entry is not None and self.toggle(entry):
            self.action_move(1)

    def toggle(self, entry: FolderEntry) -> bool:
        """Toggle this entry; return whether that was possible."""
        path = entry.path
        if path in self._picked:
            self._picked.remove([path])
        elif (carrier := self._picked.carrier(path)) is not None:
            name = clean(Path(carrier).name, 80)
            self.post_message(
                self.Unchanged(
                    f"{clean(entry.name, 80)} goes along with {name}.",
                    f"To choose single things of it, go up and choose {name} no longer.",
                )
            )
            return False
        elif entry.refusal:
            self.post_message(
                self.Unchanged(f"{clean(entry.name, 80)} cannot be sent: {entry.refusal}.", "")
            )
            return False
        else:
            self._picked.add({path: entry.weight})
        self.changed()
        return True

    def action_all(self) -> None:
        """Choose all shown entries that can be sent; where all are chosen, none."""
        self.end_range()
        free = {
            path: weight
            for path, weight in _sendable(self._rows).items()
            if self._picked.carrier(path) is None
        }
        if all(path in self._picked for path in free):
            self._picked.remove(free)
        else:
            self._picked.add(free)
        self.changed()

    def changed(self) -> None:
        """Draw the choice again, and post the change."""
        self.redraw()
        self.post_message(self.Changed())

    # -- ranges

    @property
    def in_range(self) -> bool:
        """Whether moving the cursor chooses."""
        return self._range is not None and self._range.held

    def action_range(self) -> None:
        """Begin a range that follows the cursor, or end it."""
        if self.in_range:
            self.end_range()
            self.post_message(self.Changed())
        elif self._rows:
            self._range = _Range(self._cursor, self._picked.copy(), held=True)
            self._stretch()

    def action_stretch(self, how: str, by: int) -> None:
        """Move the cursor and choose the rows it passes; moving back unchooses them."""
        if not self._rows:
            return
        if self._range is None:
            self._range = _Range(self._cursor, self._picked.copy(), held=False)
        self._stretching = True
        try:
            {"move": self.action_move, "page": self.action_page, "jump": self.action_jump}[how](by)
        finally:
            self._stretching = False
        self._stretch()

    def end_range(self) -> None:
        """End the range, and keep its rows chosen."""
        self._range = None

    def take_back_range(self) -> bool:
        """Restore the choice from before the range; return whether there was a range."""
        if self._range is None or not self._range.held:
            return False
        self._picked.become(self._range.before)
        self._range = None
        self.changed()
        return True

    def move_to(self, index: int) -> None:
        """Put the cursor on a row; extend a range, or end one made with Shift."""
        super().move_to(index)
        if self._range is None or self._stretching:
            return
        if self._range.held:
            self._stretch()
        else:
            self._range = None

    def _stretch(self) -> None:
        if self._range is not None:
            first, last = sorted((self._range.anchor, self._cursor))
            rows = self._rows[first : last + 1]
            self._picked.become_with(self._range.before, _sendable(rows))
            self.changed()

    # -- the mouse

    @on(LineList.Pressed)
    def _clicked(self, event: LineList.Pressed) -> None:
        """Choose a box or file by a click, open a folder by a double click without choosing it."""
        entry = self._rows[event.index]
        if event.x < BOX:
            self.toggle(entry)
        elif entry.is_folder and event.clicks == 2:
            self.post_message(self.Opened(entry))
        elif not entry.is_folder and event.clicks == 1:
            self.toggle(entry)

    # -- drawing

    def draw_row(self, row_: FolderEntry, width: int) -> Sequence[Sequence[Part]]:
        """Draw `[✓] name … size date`, ↪ for a link; a reason where it cannot be sent."""
        path = row_.path
        refusal = self._picked.refused.get(path) or row_.refusal
        mark = self._mark(row_, path, refusal)
        sign = "↪" if row_.is_link else "▸" if row_.is_folder else " "
        ink = "quiet" if refusal else "bar" if row_.is_folder else "plain"
        name = (f"{sign} {clean(row_.name, 255)}{'/' if row_.is_folder else ''}", self.ink(ink))
        return [
            row(
                [(" ", self.rich_style), mark, name],
                self._notes(row_, refusal, width),
                width,
                self.rich_style,
            )
        ]

    def _mark(self, entry: FolderEntry, path: str, refusal: str) -> Part:
        chosen = path in self._picked
        along = not chosen and self._picked.carrier(path) is not None
        if refusal:
            return ("[✗] ", self.ink("bad")) if chosen or along else (" ✗  ", self.ink("warn"))
        if chosen:
            return ("[✓] ", self.ink("good"))
        if along:
            return (" ✓  ", self.ink("good"))
        some = entry.is_folder and self._picked.holds(path)
        return ("[·] " if some else "[ ] ", self.ink("good" if some else "quiet"))

    def _notes(self, entry: FolderEntry, refusal: str, width: int) -> list[Part]:
        quiet = self.ink("quiet")
        if refusal:
            return [(f"  {refusal} ", self.ink("warn"))]
        if entry.is_folder and (count := self._picked.refused_below(entry.path)):
            return [(f"  {count:,} cannot be sent ", self.ink("warn"))]
        what = "folder" if entry.is_folder else "?" if entry.size is None else size_text(entry.size)
        return [(f"  {what:>{9 if width >= _DATES else 0}}{_date(entry, width)} ", quiet)]


def _sendable(rows: Iterable[FolderEntry]) -> dict[str, Weight | None]:
    return {entry.path: entry.weight for entry in rows if not entry.refusal}


def _date(entry: FolderEntry, width: int) -> str:
    """Return a column with the date, where there is room for one."""
    if width < _DATES:
        return ""
    form = "%Y-%m-%d %H:%M" if width >= _TIMES else "%Y-%m-%d"
    try:
        when = time.strftime(form, time.localtime(entry.modified)) if entry.modified else ""
    except (OSError, OverflowError, ValueError):  # a time that no calendar can show
        when = ""
    return f"   {when:<{len(form) + 2}}"
