"""A field with completion: Tab takes the suggestion, Esc leaves the field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message
from textual.widgets import Input

from filesend_tui.widgets.bound import bindings


class CompletingField(Input):
    """An Input whose Tab completes while there is a suggestion."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("field")

    @dataclass
    class Left(Message):
        """The field is to lose the focus."""

        field: CompletingField

        @property
        def control(self) -> CompletingField:
            """The field, for selectors."""
            return self.field

    def validate_value(self, value: str) -> str:
        """Return the text without NULs, which a paste may bring and no name can hold."""
        return value.replace("\0", "")

    def action_complete(self) -> None:
        """Take the suggestion; without one focus the next widget, as Tab does elsewhere."""
        if self._suggestion and self._suggestion != self.value:
            self.action_end()
            self.action_cursor_right()
        else:
            self.screen.focus_next()

    def action_leave(self) -> None:
        """Ask the screen to take the focus back."""
        self.post_message(self.Left(self))
