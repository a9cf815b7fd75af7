"""Which road a transfer takes, why no better one, and what was tried."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from filesend_tui.core.events import RoadTried
from filesend_tui.state.figures import road_words
from filesend_tui.state.views import TransferRow


class RoadLines(Static):
    """Why it goes this way, what to do, and a line for each that was tried; else the road alone."""

    DEFAULT_CSS = "RoadLines { height: auto; margin-bottom: 1; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self._shown: object = None

    def show(self, transfer: TransferRow, tried: Sequence[RoadTried]) -> None:
        """Show how this transfer goes. tried: this road and all better ones."""
        shown = (transfer.road, transfer.why, transfer.why_hint, tuple(tried))
        if shown == self._shown:
            return
        self._shown = shown
        parts = [("Road  ", "bold")]
        if transfer.why:
            parts.append((transfer.why, "$warning"))
        else:
            parts.append((road_words(transfer.road), ""))
        if transfer.why_hint:
            parts.append((f" {transfer.why_hint}", "$foreground 70%"))
        for each in tried if transfer.why else ():
            parts += [(f"\n{each.road}", "$primary"), (f"  {each.message}", "$foreground 70%")]
        self.update(Content.assemble(*parts))
