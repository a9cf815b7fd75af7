"""A name for somebody who is remembered, typed in a box."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Input

from filesend_tui.screens.boxes.box import BoxScreen
from filesend_tui.settings.parse import MAX_NAME
from filesend_tui.widgets.bound import bindings


class NameField(Input):
    """One line for a name."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("name")


class NamingScreen(BoxScreen[str]):
    """A field with the name now; its result is another one."""

    PLACE = "naming"
    AUTO_FOCUS = "#name"
    BINDINGS: ClassVar[list[BindingType]] = bindings("naming")

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name_now = name

    def compose_box(self) -> ComposeResult:
        """Yield the field."""
        yield NameField(self._name_now, max_length=MAX_NAME, compact=True, id="name")

    def on_mount(self) -> None:
        """Say what the field is for."""
        super().on_mount()
        self.query_one("#box").border_title = "Your name for them"

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        """Close with the name."""
        event.stop()
        name = event.value.strip()
        self.dismiss(name if name != self._name_now else "")
