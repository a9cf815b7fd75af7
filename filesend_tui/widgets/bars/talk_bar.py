"""The talk: its last lines, or more while writing, and the field for a new one.

Beside other panes it has a frame, the field is always shown, and as many lines as fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from rich.cells import cell_len, chop_cells
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Input

from filesend_tui.core.util.text import visible
from filesend_tui.state.views import TalkLine
from filesend_tui.widgets.bound import bindings
from filesend_tui.widgets.ink import Inked, Part, fit, inks, strip
from filesend_tui.widgets.pane import Pane

#: Longest line that is sent; the relay takes 4,000 characters.
_MAX: Final = 2000
#: Cells of a line for the other person's name, and the indent of continuation lines.
_NAME_CELLS: Final = 20
_INDENT: Final = 6
#: Lines of the screen that the field takes.
_FIELD: Final = 3


class TalkField(Input):
    """One line to the partner; Esc closes the field, the arrows scroll the talk."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("talk")

    @dataclass
    class Closed(Message):
        """The field is to be closed."""

    @dataclass
    class Scrolled(Message):
        """Scroll the talk by so many lines, or pages where `page` is set."""

        by: int
        page: bool

    def action_close(self) -> None:
        """Close the field."""
        self.post_message(self.Closed())

    def action_talk(self, by: int, page: bool) -> None:
        """Scroll the talk."""
        self.post_message(self.Scrolled(by, page))

    def _on_paste(self, event: events.Paste) -> None:
        # An Input takes only the first of several lines, and no text that is too long.
        event.stop()
        event.prevent_default()
        text = " ".join(filter(None, map(str.strip, event.text.splitlines())))
        room = _MAX - len(self.value) + len(self.selected_text)
        if len(text) > room:
            self.app.bell()
        self.replace(text[:room], *sorted(self.selection))


class TalkHistory(Inked, ScrollView, can_focus=False):
    """All lines of talk, newest at the bottom; follows the newest unless scrolled up."""

    COMPONENT_CLASSES = inks("bar", "quiet")
    DEFAULT_CSS = """
    TalkHistory {
        height: 0;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._talk: tuple[TalkLine, ...] = ()
        self._room = 1
        #: The layout of each line of talk at this width.
        self._laid_out: dict[TalkLine, list[list[tuple[str, str]]]] = {}
        self._width = 0
        #: Whether the newest line is kept in view: not while the person reads above.
        self._following = True
        self._lines: list[list[tuple[str, str]]] = []

    def show(self, talk: tuple[TalkLine, ...], room: int) -> None:
        """Show these in at most `room` lines of the screen."""
        width = self.scrollable_content_region.width or self.size.width
        if talk is self._talk and (room, width) == (self._room, self._width):
            return
        if width != self._width:
            self._laid_out.clear()
        self._talk, self._room, self._width = talk, room, width
        known = self._laid_out
        self._laid_out = {line: known.get(line) or list(_lay_out(line, width)) for line in talk}
        self._lines = [each for line in talk for each in self._laid_out[line]]
        self.styles.height = min(room, len(self._lines))
        self.virtual_size = Size(width, len(self._lines))
        self._follow()
        self.refresh()

    def read(self, by: int, *, page: bool) -> None:
        """Scroll by so many lines, or pages."""
        lines = max(1, self.size.height - 1) if page else 1
        self.scroll_relative(y=by * lines, animate=False, immediate=True)
        self._following = self.is_vertical_scroll_end

    def follow(self) -> None:
        """Show the newest."""
        self._following = True
        self._follow()

    def _follow(self) -> None:
        if self._following:
            self.call_after_refresh(self.scroll_end, animate=False, x_axis=False)

    def on_resize(self) -> None:
        """Lay out again for another width, and keep the newest in view."""
        self.show(self._talk, self._room)
        self._follow()

    def on_mouse_scroll_up(self) -> None:
        """Stop following: the person reads above."""
        self._following = False

    def on_mouse_scroll_down(self) -> None:
        """Follow again if the end is in view."""
        self.call_after_refresh(self._see_where_it_is)

    def _see_where_it_is(self) -> None:
        self._following = self.is_vertical_scroll_end

    def draw_line(self, y: int) -> Strip:
        """Draw one line of the screen."""
        width, index = self.size.width, y + self.scroll_offset.y
        parts: list[Part] = []
        if index < len(self._lines):
            parts = [(text, self.ink(ink)) for text, ink in self._lines[index]]
        return strip(parts, width, self.rich_style)


class TalkBar(Pane):
    """Lines of talk, newest at the bottom; the field appears on request."""

    TITLE = "Talk"
    DOES = "message"
    DEFAULT_CSS = """
    TalkBar {
        height: auto;
        TalkHistory { margin: 0 1; }
        TalkField { display: none; height: 3; border: round $primary 60%; padding: 0 1; }
        &.-writing TalkField, &.-framed TalkField { display: block; }
        &.-framed { height: 1fr; align-vertical: bottom; }
    }
    """

    @dataclass
    class Said(Message):
        """A line for the partner."""

        text: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._talk: tuple[TalkLine, ...] = ()
        self._room = 1
        self._heard = True

    def compose(self) -> ComposeResult:
        """Yield the lines and the field."""
        yield TalkHistory(id="lines")
        yield TalkField(placeholder="Write a line", max_length=_MAX)

    def show(
        self, talk: tuple[TalkLine, ...], room: int, *, heard: bool = True, to: str = ""
    ) -> None:
        """Show the last lines of talk; while writing as many as half the screen holds.

        Args:
            talk: All lines.
            room: Lines of the screen while not writing.
            heard: Whether there is a partner; else the text stays in the field.
            to: Whom a line is for, where there are several.
        """
        # A name of a peer's is no markup: a placeholder is plain text.
        whom = f" to {fit(visible(to), _NAME_CELLS)}" if to else ""
        self.query_one(TalkField).placeholder = f"Write a line{whom}"
        self._talk, self._room, self._heard = talk, room, heard
        self._lay_out()

    def _lay_out(self) -> None:
        room = self._room
        if self.framed:
            room = max(0, self.room.height - _FIELD)
        elif self.has_class("-writing"):
            room = max(room, self.screen.size.height // 2 - 4)
        self.query_one(TalkHistory).show(self._talk, room)

    def on_resize(self) -> None:
        """Show as many lines as there is room for."""
        self._lay_out()

    def take_keys(self) -> None:
        """Open the field, and show the talk."""
        self.add_class("-writing")
        self._lay_out()
        self.query_one(TalkField).focus()

    def close(self) -> None:
        """Hide the field; keep its text for the next time."""
        self.remove_class("-writing")
        self._lay_out()
        self.query_one(TalkHistory).follow()

    def give_back(self, text: str) -> None:
        """Put a line that could not be sent back into the field, unless another was begun."""
        field = self.query_one(TalkField)
        field.value = field.value or text

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Post the line and clear the field."""
        event.stop()
        text = event.value.strip()
        if not self._heard:
            self.app.bell()
        elif text:
            self.query_one(TalkHistory).follow()
            self.post_message(self.Said(text))
            event.input.clear()

    def on_talk_field_scrolled(self, event: TalkField.Scrolled) -> None:
        """Scroll the talk."""
        event.stop()
        self.query_one(TalkHistory).read(event.by, page=event.page)


def _lay_out(line: TalkLine, width: int) -> Iterator[list[tuple[str, str]]]:
    """Yield the lines of the screen that a line of talk takes, as texts and their inks."""
    who = "you" if line.outgoing else fit(visible(line.who), _NAME_CELLS)
    if line.to:
        who = f"{who} to {fit(visible(line.to), _NAME_CELLS)}"
    parts = [(f"{line.at} ", "quiet")] if line.at else []
    if who:
        parts.append((f"{who}: ", "quiet" if line.outgoing else "bar"))
    taken = sum(cell_len(text) for text, _ in parts)
    ink = "plain" if who else "quiet"
    for number, text in enumerate(_wrapped(visible(line.text), width, taken)):
        yield [*parts, (text, ink)] if not number else [(" " * _INDENT, ink), (text, ink)]


def _wrapped(text: str, width: int, taken: int) -> Iterator[str]:
    """Break a text between words, and within those that are longer than a line."""
    room, line = max(1, width - taken), ""
    for each in text.split(" "):
        word = each
        if line and cell_len(f"{line} {word}") <= room:
            line += f" {word}"
            continue
        if line:
            yield line
            room, line = max(1, width - _INDENT), ""
        if cell_len(word) > room:
            head = chop_cells(word, room)[0] or word[0]
            yield head
            word, room = word[len(head) :], max(1, width - _INDENT)
            # All at once, or a word as long as a message can be would take seconds.
            *parts, word = [part for part in chop_cells(word, room) if part] or [""]
            yield from parts
        line = word
    yield line
