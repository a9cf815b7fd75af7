"""The pieces of a torrent as a strip: each cell stands for some pieces."""

from __future__ import annotations

from typing import Final

from textual.strip import Strip

from filesend_tui.core.util.figures import size_text
from filesend_tui.widgets.ink import Inked, inks, strip

_SHADES: Final = "·░▒▓█"


def shades(bitfield: bytes, count: int, width: int) -> str:
    """Return `width` cells from no piece (·) to all (█); fewer where there are fewer pieces.

    bitfield: BEP 3, the first piece in the high bit of the first byte.
    """
    if count <= 0 or width <= 0:
        return ""
    bits = int.from_bytes(bitfield, "big") if bitfield else 0
    length = len(bitfield) * 8
    cells = []
    width = min(width, count)
    for cell in range(width):
        start, end = cell * count // width, (cell + 1) * count // width
        window = (bits >> max(0, length - end)) & ((1 << (end - start)) - 1)
        have = window.bit_count()
        shade = 4 if have == end - start else 0 if not have else 1 + have * 3 // (end - start)
        cells.append(_SHADES[min(shade, 4)])
    return "".join(cells)


def tally(bitfield: bytes, count: int, length: int, *, whole: bool) -> str:
    """Return how many pieces of what size are there. count: 0 where it is unknown."""
    if not count:
        return "all" if whole else "none yet"
    have = "all" if whole else f"{int.from_bytes(bitfield, 'big').bit_count()} of {count}"
    return f"{have} × {size_text(length)}"


class PieceStrip(Inked):
    """Two lines: the count and size of pieces, and the strip."""

    COMPONENT_CLASSES = inks("graph", "quiet", "strong")
    DEFAULT_CSS = "PieceStrip { height: 2; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: tuple[bytes, int, int, bool] = (b"", 0, 0, False)

    def show(self, bitfield: bytes, count: int, length: int, *, whole: bool) -> None:
        """Show the pieces; length: bytes a piece; whole: all that were wanted are there."""
        if (shown := (bitfield, count, length, whole)) != self._shown:
            self._shown = shown
            self.redraw()

    def draw_line(self, y: int) -> Strip:
        """Draw the heading or the strip."""
        bitfield, count, length, whole = self._shown
        width = self.size.width
        if y == 0:
            about = tally(bitfield, count, length, whole=whole)
            parts = [("Pieces", self.ink("strong")), (f"  {about}", self.ink("quiet"))]
        else:
            drawn = "█" * min(width, count) if whole else shades(bitfield, count, width)
            parts = [(drawn, self.ink("graph"))]
        return strip(parts, width, self.rich_style)
