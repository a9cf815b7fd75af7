"""The last lines of talk and the field to write one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from filesend_tui.views import TalkLine

#: Longest line that is sent; the relay takes 4,000 characters.
_MAX = 2000


class TalkField(Input):
    """One line to the partner; Esc gives the keys back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Send the line"),
        Binding("escape", "close", "Close"),
    ]

    @dataclass
    class Closed(Message):
        """Somebody is done writing."""

    def action_close(self) -> None:
        """Give the keys back."""
        self.post_message(self.Closed())


class TalkBar(Vertical):
    """Lines of talk, newest at the bottom; the field appears when it is asked for."""

    DEFAULT_CSS = """
    TalkBar {
        height: auto;
        max-height: 6;
        #lines { height: auto; padding: 0 1; display: none; }
        TalkField { display: none; height: 3; border: round $primary 60%; padding: 0 1; }
        &.-talk #lines { display: block; }
        &.-writing TalkField { display: block; }
    }
    """

    @dataclass
    class Said(Message):
        """A line for the partner."""

        text: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: tuple[TalkLine, ...] = ()

    def compose(self) -> ComposeResult:
        """The lines and the field."""
        yield Static("", id="lines", markup=False)
        yield TalkField(placeholder="Write a line", max_length=_MAX)

    def show(self, talk: tuple[TalkLine, ...], room: int) -> None:
        """Show the last `room` lines."""
        shown = talk[-room:]
        if shown == self._shown:
            return
        self._shown = shown
        self.set_class(bool(shown), "-talk")
        parts: list[tuple[str, str]] = []
        for line in shown:
            who = "you" if line.outgoing else line.who
            parts.append((f"{who}: ", "$foreground 60%" if line.outgoing else "$primary bold"))
            parts.append((line.text + "\n", ""))
        self.query_one("#lines", Static).update(Content.assemble(*parts).rstrip())

    def write(self) -> None:
        """Open the field."""
        self.add_class("-writing")
        self.query_one(TalkField).focus()

    def close(self) -> None:
        """Hide the field; what was written stays for the next time."""
        self.remove_class("-writing")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Hand the line on and make room for the next."""
        event.stop()
        if text := event.value.strip():
            self.post_message(self.Said(text))
        event.input.clear()
