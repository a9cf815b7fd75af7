"""The field that filters a list while typing. The list's owner applies the filter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message
from textual.widgets import Input

from filesend_tui.widgets.bound import bindings


class FilterField(Input):
    """One line without a frame; hidden while it is empty and has no focus."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("filter")

    @dataclass
    class Left(Message):
        """The field is to lose the focus. keep: the filter stays."""

        keep: bool

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(
            placeholder="part of a name",
            compact=True,
            select_on_focus=False,
            restrict="[^/]*",  # no name contains one, and it is the key that opens the filter
            id=id,
        )

    def action_leave(self, keep: bool) -> None:
        """Leave the field."""
        self.post_message(self.Left(keep))
