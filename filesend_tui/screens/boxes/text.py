"""A text that somebody sent: shown as it is, copied by a key; never run, and never marked up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from filesend_tui.screens.boxes.box import BoxScreen
from filesend_tui.state.views import ReceivedText
from filesend_tui.widgets.bound import bindings

#: Cells of a tab.
_TAB: Final = 8


class TextScreen(BoxScreen[None]):
    """The texts that there are, one at a time, the last one first.

    Args:
        texts: At least one, the oldest first.
    """

    PLACE = "text"
    BINDINGS: ClassVar[list[BindingType]] = bindings("text")

    def __init__(self, texts: Sequence[ReceivedText]) -> None:
        super().__init__()
        self._texts = texts
        self._at = len(texts) - 1

    def compose_box(self) -> ComposeResult:
        """Yield the text."""
        with VerticalScroll(id="page"):
            yield Static("", markup=False)

    def on_mount(self) -> None:
        """Show the text, and focus it so that the arrows scroll it."""
        super().on_mount()
        self._show()
        self.query_one("#page").focus()

    def _show(self, told: str = "") -> None:
        text, count = self._texts[self._at], len(self._texts)
        box = self.query_one("#box")
        which = f", {self._at + 1} of {count}" if count > 1 else ""
        # Content, because a plain string would be read as markup, and all of it is the peer's.
        box.border_title = Content(f"{text.who}, {text.at}{which}" if text.at else text.who + which)
        box.border_subtitle = Content(told)
        self.query_one("#page Static", Static).update(Content(text.text.expandtabs(_TAB)))

    def action_copy(self) -> None:
        """Copy all of it, by the terminal's clipboard."""
        self.app.copy_to_clipboard(self._texts[self._at].text)
        self._show("copied")

    def action_turn(self, by: int) -> None:
        """Show the text before or after."""
        self._at = min(max(self._at + by, 0), len(self._texts) - 1)
        self._show()
