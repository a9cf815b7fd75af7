"""The line at the bottom: the keys that are active now, and what they do; a click presses one.

Drawn as one line: Textual's Footer makes a widget for each key, each time any of them changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from textual import events
from textual.binding import ActiveBinding
from textual.strip import Strip

from filesend_tui.keys import as_read
from filesend_tui.widgets.bound import has_first_claim
from filesend_tui.widgets.ink import Inked, Part, inks, strip


class KeyHint(NamedTuple):
    """A key as Textual names it, as people read it, and what it does. first: gets room first."""

    key: str
    shown: str
    words: str
    first: bool = False

    @property
    def width(self) -> int:
        """Its width in cells, with a space on each side and between."""
        return cell_len(self.shown) + cell_len(self.words) + 3


def that_fit(hints: Sequence[KeyHint], width: int) -> tuple[KeyHint, ...]:
    """Return the hints that fit whole; those marked first get room first."""
    taken: set[KeyHint] = set()
    for hint in sorted(hints, key=lambda each: not each.first):
        if hint.width <= width:
            width -= hint.width
            taken.add(hint)
    return tuple(hint for hint in hints if hint in taken)


class KeyBar(Inked):
    """Keys and words, as many as fit."""

    COMPONENT_CLASSES = inks("bar")
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
                each.binding.key,
                as_read(each.binding.key),
                each.binding.description,
                has_first_claim(each.binding),
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
        for hint in that_fit(self._hints, self.size.width):
            parts += [
                (f" {hint.shown} ", self.ink("bar")),
                (f"{hint.words} ", self.ink("plain")),
            ]
        return strip(parts, self.size.width, self.rich_style)

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked."""
        end = 0
        for hint in that_fit(self._hints, self.size.width):
            end += hint.width
            if event.x < end:
                self.app.simulate_key(hint.key)
                return
