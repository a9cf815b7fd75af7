"""The line at the bottom: the keys that make sense now, and what they do; a click presses one.

Drawn in one go: Textual's Footer makes a widget for each key, each time any of them changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rich.cells import cell_len
from textual import events
from textual.binding import ActiveBinding
from textual.strip import Strip

from filesend_tui.widgets.ink import Inked, Part, strip


class KeyHint(NamedTuple):
    """A key as Textual names it, as people read it, and what it does."""

    key: str
    shown: str
    words: str

    @property
    def width(self) -> int:
        """Cells it takes: a blank on each side and between."""
        return cell_len(self.shown) + cell_len(self.words) + 3


class KeyBar(Inked):
    """Keys and words, as many as fit."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    KeyBar {
        dock: bottom;
        height: 1;
        background: $panel;
        .ink--bar { text-style: bold; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._hints: tuple[KeyHint, ...] = ()

    def show(self, active: Iterable[ActiveBinding]) -> None:
        """Show these bindings: each action once, under its first key."""
        hints = {
            each.binding.action: KeyHint(
                each.binding.key, self.app.get_key_display(each.binding), each.binding.description
            )
            for each in reversed(list(active))
            if each.binding.show and each.enabled
        }
        shown = tuple(reversed(hints.values()))
        if shown != self._hints:
            self._hints = shown
            self.redraw()

    def draw_line(self, y: int) -> Strip:  # noqa: ARG002 - one line only
        """Draw the line."""
        parts: list[Part] = []
        for hint in self._hints:
            parts += [
                (f" {hint.shown} ", self.ink("bar")),
                (f"{hint.words} ", self.ink("plain")),
            ]
        return strip(parts, self.size.width, self.rich_style)

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked."""
        end = 0
        for hint in self._hints:
            end += hint.width
            if event.x < end:
                self.app.simulate_key(hint.key)
                return
