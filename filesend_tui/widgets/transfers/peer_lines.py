"""The peers of one transfer: their addresses, roads and rates."""

from __future__ import annotations

from textual.strip import Strip

from filesend_tui.core.events import PeerEntry
from filesend_tui.core.util.figures import rate_text
from filesend_tui.widgets.ink import Inked, inks, row, strip


class PeerLines(Inked):
    """A heading and a line for each peer."""

    COMPONENT_CLASSES = inks("bar", "quiet", "strong")
    DEFAULT_CSS = "PeerLines { height: 1fr; min-height: 2; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._peers: tuple[PeerEntry, ...] = ()

    def show(self, peers: tuple[PeerEntry, ...]) -> None:
        """Show these peers."""
        if peers != self._peers:
            self._peers = peers
            self.redraw()

    def draw_line(self, y: int) -> Strip:
        """Draw the heading or one peer."""
        width, base, quiet = self.size.width, self.rich_style, self.ink("quiet")
        if y == 0:
            count = f"  {len(self._peers)}" if self._peers else "  nobody yet"
            return strip([("Peers", self.ink("strong")), (count, quiet)], width, base)
        if y > len(self._peers):
            return strip([], width, base)
        peer = self._peers[y - 1]
        down, up = peer.download_bytes_per_second, peer.upload_bytes_per_second
        rate = f"↓ {rate_text(down)}" if down >= up else f"↑ {rate_text(up)}"
        left = [(peer.address, self.ink("plain"))]
        road = f" {peer.road} " if width >= 36 else " "
        right = [(road, self.ink("bar")), (rate, quiet)]
        return strip(row(left, right, width, base), width, base)
