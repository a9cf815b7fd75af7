"""The field for a rate limit: typed, or one of the usual rates by the arrows; empty for none."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.binding import BindingType
from textual.widgets import Input

from filesend_tui.core.util.figures import parse_rate
from filesend_tui.widgets.bound import bindings

#: The usual rates, from low to high, as they are typed.
USUAL: Final = ("100k", "250k", "500k", "1M", "2M", "5M", "10M", "50M")


class RateField(Input):
    """One line for a rate in bytes a second, such as `500k`."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("rate")

    def __init__(self, value: str, *, id: str | None = None) -> None:
        super().__init__(value, placeholder="no limit", compact=True, id=id)

    def action_step(self, by: int) -> None:
        """Take the next of the usual rates: higher (1), behind which is no limit, or lower (-1)."""
        steps = [*USUAL, ""]
        rates = [*map(parse_rate, USUAL), float("inf")]
        now = _rate(self.value)
        beyond = [step for step, rate in zip(steps, rates, strict=True) if (rate - now) * by > 0]
        if now == float("inf") and by < 0:
            beyond = list(USUAL)
        if beyond:
            self.value = beyond[0 if by > 0 else -1]
            self.cursor_position = len(self.value)


def _rate(text: str) -> float:
    try:
        return parse_rate(text) or float("inf")
    except ValueError:
        return float("inf")
