"""A graph of the rate from the start until now, drawn with blocks."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

from textual.strip import Strip

from filesend_tui.core.util.figures import rate_text
from filesend_tui.widgets.ink import Inked, inks, strip

#: A cell from empty to full, in eighths.
_EIGHTHS: Final = " ▁▂▃▄▅▆▇█"


def columns(samples: Sequence[float], width: int) -> list[float]:
    """Return at most `width` figures for all samples: where there are more, means of neighbours."""
    count = len(samples)
    if width <= 0:
        return []
    if count <= width:
        return list(samples)
    edges = [i * count // width for i in range(width + 1)]
    return [sum(samples[start:end]) / (end - start) for start, end in itertools.pairwise(edges)]


def levels(samples: Sequence[float], width: int, height: int) -> list[int]:
    """Return the height of each of up to `width` columns, in eighths of a line."""
    figures = columns(samples, width)
    top = max(figures, default=0.0)
    # Anything above zero shows at least the lowest eighth.
    return [max(1, round(v / top * height * 8)) if v > 0 else 0 for v in figures]


def blocks(heights: Sequence[int], line: int) -> str:
    """Return one line of the graph, counted from the lowest: each column filled up to its level."""
    return "".join(_EIGHTHS[max(0, min(8, level - line * 8))] for level in heights)


class RateGraph(Inked):
    """A graph of samples in bytes a second, one a second, with its peak in the heading."""

    COMPONENT_CLASSES = inks("graph", "quiet", "strong")
    DEFAULT_CSS = "RateGraph { height: 4; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._samples: tuple[float, ...] = ()

    def show(self, samples: tuple[float, ...]) -> None:
        """Show these samples, oldest first."""
        if samples != self._samples:
            self._samples = samples
            self.redraw()

    def draw_line(self, y: int) -> Strip:
        """Draw one line: the heading, then the graph."""
        width, height = self.size
        base = self.rich_style
        if y == 0:
            top = max(self._samples, default=0.0)
            peak = f"  peak {rate_text(top)}" if top else ""
            return strip([("Rate", self.ink("strong")), (peak, self.ink("quiet"))], width, base)
        line = blocks(levels(self._samples, width, height - 1), height - 1 - y)
        return strip([(line, self.ink("graph"))], width, base)
