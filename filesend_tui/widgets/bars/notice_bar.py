"""The bar of the last notice: what happened, when, and what to do next.

It stays until it is dismissed or resolved, and is drawn less prominently after a while.
"""

from __future__ import annotations

from typing import Final

from textual.content import Content
from textual.widgets import Static

from filesend_tui.core.util.text import visible
from filesend_tui.state.views import Level, Notice

_LOOKS: Final = {
    Level.GOOD: ("✓", "$success"),
    Level.INFO: ("·", "$primary"),
    Level.WARNING: ("!", "$warning"),
    Level.ERROR: ("✗", "$error"),
}


class NoticeBar(Static):
    """One notice: a symbol, a sentence, a hint and the time. Hidden while there is none."""

    DEFAULT_CSS = """
    NoticeBar {
        height: auto;
        max-height: 4;
        padding: 0 1;
        background: $surface;
        display: none;
        &.-shown { display: block; }
        &.-good { border-left: outer $success; }
        &.-info { border-left: outer $primary; }
        &.-warning { border-left: outer $warning; }
        &.-error { border-left: outer $error; background: $error 12%; }
        &.-old { border-left: outer $foreground 30%; background: $surface; max-height: 1; }
    }
    """

    def __init__(self) -> None:
        super().__init__("", markup=False)
        self._notice: Notice | None = None

    def show(self, notice: Notice | None) -> None:
        """Show this notice, or nothing."""
        if notice == self._notice:
            return
        self._notice = notice
        self.set_class(notice is not None, "-shown")
        self.set_class(notice is not None and notice.old, "-old")
        for level in Level:
            self.set_class(notice is not None and notice.level is level, f"-{level.value}")
        if notice is None:
            return
        symbol, colour = _LOOKS[notice.level]
        at = f"{notice.at}  " if notice.at else ""
        self.update(
            Content.assemble(
                (f"{symbol} ", f"{colour} bold"),
                (at, "$foreground 55%"),
                (visible(notice.message), "$foreground 75%" if notice.old else "bold"),
                "  " if notice.hint else "",
                (visible(notice.hint), "$foreground 75%"),
            )
        )
