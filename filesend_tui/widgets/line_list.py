"""A list drawn line by line: only lines in view are made, only changed rows are drawn.

The base of every list here; works with ten thousand rows. The look of a row is a subclass's, the
effect of a key on a row is the screen's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from filesend_tui.widgets.bound import bindings
from filesend_tui.widgets.ink import Inked, Part, inks, strip

RowT = TypeVar("RowT")


class LineList(Inked, ScrollView, Generic[RowT], can_focus=True, inherit_bindings=False):
    """Rows of ROW_HEIGHT lines with a cursor. Rows, set by `show`, are frozen values."""

    COMPONENT_CLASSES = inks("here", "quiet")
    ROW_HEIGHT: ClassVar[int] = 1
    BINDINGS: ClassVar[list[BindingType]] = bindings("list")
    DEFAULT_CSS = """
    LineList {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
    }
    """

    @dataclass
    class Moved(Message):
        """The cursor moved to another row."""

        list: LineList[Any]
        index: int

        @property
        def control(self) -> LineList[Any]:
            """The list, for selectors."""
            return self.list

    @dataclass
    class Pressed(Message):
        """A row was clicked; twice: a double click, or more. x: cells from the left edge.

        clicks: how many in succession at one place; each is posted, the first before the second.
        """

        list: LineList[Any]
        index: int
        twice: bool
        x: int = 0
        clicks: int = 1

        @property
        def control(self) -> LineList[Any]:
            """The list, for selectors."""
            return self.list

    def __init__(self, *, empty: str = "", id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: Sequence[RowT] = ()
        self._empty = empty
        self._cursor = 0

    # -- for a subclass

    def draw_row(self, row: RowT, width: int) -> Sequence[Sequence[Part]]:
        """Return the row's lines, each a sequence of inked parts at most `width` cells wide."""
        raise NotImplementedError

    # -- for the screen

    @property
    def rows(self) -> Sequence[RowT]:
        """The rows shown."""
        return self._rows

    @property
    def cursor(self) -> int:
        """The index of the chosen row; 0 when there is none."""
        return self._cursor

    @property
    def chosen(self) -> RowT | None:
        """The row under the cursor."""
        return self._rows[self._cursor] if self._rows else None

    def show(self, rows: Sequence[RowT], *, cursor: int | None = None) -> None:
        """Show these rows, replacing the last; draw only what differs."""
        old, self._rows = self._rows, rows
        wanted = self._cursor if cursor is None else cursor
        if len(old) == len(rows):
            for index in self._in_view():
                before, after = old[index], rows[index]
                if before is not after and before != after:
                    self.redraw(self._lines_of(index))
        else:
            self._measure()
            self.refresh()
        self.move_to(wanted)

    def redraw_row(self, index: int) -> None:
        """Draw one row again, as its style is about to change."""
        # Only rows in view: for hidden rows Textual would paint what is below the list.
        for y in self._lines_of(index):
            if 0 <= y < self.scrollable_content_region.height:
                self.refresh_lines(y + self.scroll_offset.y)

    def _in_view(self) -> range:
        """Return the rows in view, in part or whole; all where the view has no height yet."""
        height = self.scrollable_content_region.height
        if not height:
            return range(len(self._rows))
        top, bottom = self.scroll_offset.y, self.scroll_offset.y + height
        return range(top // self.ROW_HEIGHT, min(len(self._rows), -(-bottom // self.ROW_HEIGHT)))

    def _lines_of(self, index: int) -> range:
        """Return a row's lines, relative to the view; they may be outside it."""
        top = index * self.ROW_HEIGHT - self.scroll_offset.y
        return range(top, top + self.ROW_HEIGHT)

    def move_to(self, index: int) -> None:
        """Put the cursor on a row and bring it into view."""
        index = max(0, min(index, len(self._rows) - 1))
        if index != self._cursor:
            self.redraw_row(self._cursor)
            self._cursor = index
            self.redraw_row(index)
            self._bring_into_view()
            self.post_message(self.Moved(self, index))

    # -- inside

    def _measure(self) -> None:
        width = self.scrollable_content_region.width
        self.virtual_size = Size(width, len(self._rows) * self.ROW_HEIGHT)

    def _bring_into_view(self) -> None:
        region = Region(0, self._cursor * self.ROW_HEIGHT, 1, self.ROW_HEIGHT)
        self.scroll_to_region(region, animate=False, force=True, x_axis=False)

    def on_resize(self) -> None:
        """Update the width, and keep the cursor in view."""
        self._measure()
        self._bring_into_view()

    def draw_line(self, y: int) -> Strip:
        """Draw one line of a row, or the hint of an empty list."""
        width = self.scrollable_content_region.width
        index, part = divmod(y + self.scroll_offset.y, self.ROW_HEIGHT)
        base = self.rich_style
        if index >= len(self._rows):
            hint = self._empty if not self._rows and y == 0 else ""
            return strip([(hint, self.ink("quiet"))], width, base)
        lines = self.draw_row(self._rows[index], width)
        line = strip(lines[part] if part < len(lines) else (), width, base)
        if index == self._cursor:
            here = self.ink("here").background_style
            line = Strip(
                [segment._replace(style=(segment.style or base) + here) for segment in line],
                line.cell_length,
            )
        return line

    def on_focus(self) -> None:
        """Redraw the cursor, which looks different with the focus."""
        self.redraw_row(self._cursor)

    def on_blur(self) -> None:
        """Redraw the cursor, which looks different with the focus."""
        self.redraw_row(self._cursor)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the row that was clicked."""
        index = (event.y + self.scroll_offset.y) // self.ROW_HEIGHT
        if index < len(self._rows):
            self.move_to(index)
            chain = event.chain
            self.post_message(self.Pressed(self, index, chain > 1, event.x, chain))

    def action_move(self, by: int) -> None:
        """Move the cursor by rows."""
        self.move_to(self._cursor + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by a view's height."""
        self.move_to(self._cursor + by * max(1, self.size.height // self.ROW_HEIGHT - 1))

    def action_jump(self, index: int) -> None:
        """Move the cursor to the first (0) or last (-1) row."""
        self.move_to(index if index >= 0 else len(self._rows) - 1)
