"""The bar of a waiting request: who asks, for how much, and the key that shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.message import Message
from textual.strip import Strip

from filesend_tui.core.util.figures import size_text
from filesend_tui.keys import shown
from filesend_tui.state.views import TransferRow, named
from filesend_tui.widgets.ink import Inked, Part, fit, inks, row, strip

#: Cells for the other person's name.
_NAME_CELLS = 24
#: Cells from which it is told of whom further requests are.
_WHOSE = 60


class RequestBar(Inked):
    """One line, hidden while no request waits. It takes no key: the approval box answers."""

    COMPONENT_CLASSES = inks("bar", "strong")
    ALLOW_SELECT = False
    DEFAULT_CSS = """
    RequestBar {
        height: 1;
        display: none;
        color: $foreground;
        background: $warning 25%;
        .ink--bar { color: $warning; text-style: bold; }
        &.-asked { display: block; }
        &:hover { background: $warning 40%; }
    }
    """

    @dataclass
    class Pressed(Message):
        """The bar was clicked."""

    def __init__(self) -> None:
        super().__init__()
        self._requests: tuple[TransferRow, ...] = ()

    def show(self, requests: tuple[TransferRow, ...]) -> None:
        """Show the waiting requests, with the details of the first."""
        if requests != self._requests:
            self._requests = requests
            self.set_class(bool(requests), "-asked")
            self.redraw()

    def draw_line(self, y: int) -> Strip:  # noqa: ARG002 - one line only
        """Draw the line, the key first: it must fit however narrow the terminal is."""
        width, base = self.size.width, self.rich_style
        if not self._requests:
            return strip([], width, base)
        first, *others = self._requests
        files = "a file" if len(first.files) == 1 else f"{len(first.files):,} files"
        parts: list[Part] = [
            (f" {shown('look')} ", self.ink("bar")),
            (f"{fit(first.partner, _NAME_CELLS)} asks: ", self.ink("strong")),
            (
                "a stream" if first.stream else f"{files}, {size_text(first.wanted_bytes)}",
                self.ink("strong"),
            ),
            (f" · {first.name}", self.ink("plain")),
        ]
        more = [(f"  {_more(first, others, width)} ", self.ink("bar"))] if others else []
        return strip(row(parts, more, width, base), width, base)

    def on_click(self, event: events.Click) -> None:
        """Post a click."""
        event.stop()
        self.post_message(self.Pressed())


def _more(first: TransferRow, others: Sequence[TransferRow], width: int) -> str:
    """Return how many more wait; whose, where there is room and not all are the first's."""
    names = list(dict.fromkeys(each.partner for each in others))
    whose = "" if names == [first.partner] or width < _WHOSE else f", of {named(names)}"
    return fit(f"{len(others):,} more{whose}", _NAME_CELLS)
