"""Ink: the few styles of drawn lines, and lines made of inked parts, cut to fit their cells.

Text is plain, never markup, so a name from a peer cannot change the styling. Lines are redrawn only
where they differ: a terminal may be remote, and each cell costs bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from filesend_tui.core.util.text import visible

Part: TypeAlias = tuple[str, Style]


def inks(*names: str) -> set[str]:
    """Return the component classes of a widget that draws with these inks; see Inked's CSS."""
    return {f"ink--{name}" for name in names}


class Inked(Widget):
    """A widget that draws lines with ink: `plain`, and those that its COMPONENT_CLASSES name.

    Only those: Textual looks for the rules of each whenever a class of the widget or of what it is
    in changes, and when the focus moves.
    """

    DEFAULT_CSS = """
    Inked {
        .ink--quiet { color: $foreground 55%; }
        .ink--strong { color: $foreground; text-style: bold; }
        .ink--good { color: $success; }
        .ink--warn { color: $warning; }
        .ink--bad { color: $error; }
        .ink--bar { color: $primary; }
        .ink--graph { color: $primary 60%; }
        .ink--rest { color: $foreground 20%; }
        .ink--here { background: $foreground 6%; }
        &:focus .ink--here { background: $primary 22%; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        #: The lines as last painted, by their index in the view.
        self._painted: dict[int, Strip] = {}

    def ink(self, name: str) -> Style:
        """Return the style of an ink on this widget's background.

        Raises:
            KeyError: It is not one of the widget's.
        """
        if name == "plain":
            return self.rich_style
        return self.get_component_rich_style(f"ink--{name}")

    def draw_line(self, y: int) -> Strip:
        """Return line `y` of the view; a subclass draws it."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """Draw one line of the view (Textual's line API)."""
        line = self._painted[y] = self.draw_line(y)
        return line

    def redraw(self, lines: Iterable[int] | None = None) -> None:
        """Repaint these lines, all by default, each as far as it differs from the last time.

        Counted from the left: Textual repaints a part of a line from the widget's left edge.
        """
        width, height = self.scrollable_content_region.size
        if not height:
            self.refresh()  # it is hidden: everything is new once it is shown
        for y in range(height) if lines is None else lines:
            if 0 <= y < height:
                cells = self._cells_to_paint(y, width)
                if cells:
                    self.refresh(Region(0, y, cells, 1))

    def _cells_to_paint(self, y: int, width: int) -> int:
        before = self._painted.get(y)
        if before is None:
            return width
        try:
            return cells_to_paint(before, self.draw_line(y))
        except Exception:
            return width  # it fails again when painted, where the fault is contained


def fit(text: str, width: int) -> str:
    """Return `text` in at most `width` cells; a cut text ends in an ellipsis."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(0, width - 1)).rstrip() + "…" if width > 0 else ""


def fit_middle(text: str, width: int) -> str:
    """Return `text` in at most `width` cells, cut in its middle: a file keeps its extension."""
    if cell_len(text) <= width:
        return text
    if width < 8:
        return fit(text, width)
    tail_width = (width - 1) // 3
    head = chop_cells(text, width - 1 - tail_width)[0]
    tail = ""
    for char in reversed(text):
        if cell_len(char + tail) > tail_width:
            break
        tail = char + tail
    return f"{head}…{tail}"


def row(left: Iterable[Part], right: Iterable[Part], width: int, base: Style) -> list[Part]:
    """Return one line: `left`, a gap, `right`; the last left part shrinks when room is short."""
    lefts, rights = list(left), list(right)
    room = width - sum(cell_len(text) for text, _ in rights)
    used = sum(cell_len(text) for text, _ in lefts[:-1])
    if lefts:
        text, style = lefts[-1]
        lefts[-1] = (fit_middle(text, max(0, room - used - (1 if rights else 0))), style)
        used += cell_len(lefts[-1][0])
    return [*lefts, (" " * max(0, room - used), base), *rights]


def strip(parts: Iterable[Part], width: int, base: Style) -> Strip:
    """Return the parts as a line of exactly `width` cells on the base style.

    Terminal control characters are removed from the text, whoever wrote it.
    """
    line = Strip([Segment(visible(text), base + style) for text, style in parts if text])
    return line.adjust_cell_length(width, base).simplify()


def cells_to_paint(before: Strip, after: Strip) -> int:
    """Return how many cells of a line differ, counted from its left edge to the last that does."""
    if before == after:
        return 0
    old, new = _characters(before), _characters(after)
    same = 0
    while same < min(len(old), len(new)) and old[-1 - same] == new[-1 - same]:
        same += 1
    return max(
        cell_len("".join(character for character, _ in line[: len(line) - same]))
        for line in (old, new)
    )


def _characters(line: Strip) -> list[tuple[str, Style | None]]:
    return [(character, segment.style) for segment in line for character in segment.text]


def bar(fraction: float, width: int, full: Style, rest: Style) -> list[Part]:
    """Return a progress bar of `width` cells, drawn to half a cell."""
    halves = round(max(0.0, min(1.0, fraction)) * width * 2)
    whole, half = divmod(halves, 2)
    return [("━" * whole + "╸" * half, full), ("─" * (width - whole - half), rest)]
