"""The field that narrows a list while one types. What is left of the list is its owner's matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message
from textual.widgets import Input

from filesend_tui.widgets.bound import bindings


class FilterField(Input):
    """One line without a frame; hidden while it is empty and has no keys."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("filter")

    @dataclass
    class Left(Message):
        """Somebody wants the keys elsewhere. keep: the filter stays."""

        keep: bool

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(
            placeholder="part of a name",
            compact=True,
            select_on_focus=False,
            restrict="[^/]*",  # no name holds one, and it is the key that leads here
            id=id,
        )

    def action_leave(self, keep: bool) -> None:
        """Give the keys back."""
        self.post_message(self.Left(keep))
