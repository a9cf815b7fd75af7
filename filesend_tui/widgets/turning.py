"""A choice among a few options: the arrows select the next, and post which it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from filesend_tui.widgets.bound import bindings


class Turning(Static, can_focus=True):
    """The chosen option, shown between two arrows.

    Args:
        options: The options, at least one.
        chosen: The option chosen at first; the first option where it is none of them.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("turning")
    DEFAULT_CSS = """
    Turning {
        height: 1;
        &:focus { background: $primary 22%; }
    }
    """

    @dataclass
    class Turned(Message):
        """Another option was chosen."""

        chosen: str

    def __init__(self, options: Sequence[str], chosen: str, *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self._options = tuple(options)
        self._index = self._options.index(chosen) if chosen in self._options else 0

    @property
    def value(self) -> str:
        """The chosen option."""
        return self._options[self._index]

    def render(self) -> Content:
        """Draw `‹ chosen ›`."""
        quiet = "$foreground 55%"
        return Content.assemble(("‹ ", quiet), (self.value, "bold"), (" ›", quiet))

    def action_turn(self, by: int) -> None:
        """Choose the next option, or the previous one."""
        self._index = (self._index + by) % len(self._options)
        self.refresh()
        self.post_message(self.Turned(self.value))

    def on_click(self) -> None:
        """Choose the next option."""
        self.action_turn(1)
