"""The table as an SVG: a bar a row, its length the fraction of the row's reach. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

from benchmarks.table import Result

_WIDTH: Final = 1000
_LINE: Final = 26
_TOP: Final = 54
_BARS: Final = 520
#: Pixels from the bars' start to the line labelled "reached".
_ONE: Final = 200
#: Bars end here, in reaches.
_MOST: Final = 2.0
_COLOURS: Final = {"reached": "#2a9d6f", "missed": "#c8553d", "left out": "#999999"}


def fraction(result: Result) -> float:
    """Return the fraction of the row's reach: 1 is just reached, more is better."""
    if result.value is None:
        return 0.0
    row = result.row
    if row.at_least is not None:
        return result.value / row.at_least
    assert row.at_most is not None
    return row.at_most / result.value if result.value > 0 else _MOST


def draw(results: Sequence[Result], machine: str) -> str:
    """Return the SVG document."""
    height = _TOP + _LINE * len(results) + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        '<text x="12" y="20" font-weight="bold">FileSend: make bench</text>',
        f'<text x="12" y="38" fill="#555555" font-size="11">{escape(machine)}</text>',
    ]
    for index, result in enumerate(results):
        y = _TOP + index * _LINE
        length = min(fraction(result), _MOST) * _ONE
        got = "left out" if result.value is None else f"{result.value:.3g} {result.row.unit}"
        parts += [
            f'<text x="{_BARS - 10}" y="{y + 15}" text-anchor="end">'
            f"{escape(result.row.title)}</text>",
            f'<rect x="{_BARS}" y="{y + 3}" width="{length:.1f}" height="{_LINE - 9}" '
            f'fill="{_COLOURS[result.verdict]}"/>',
            f'<text x="{_BARS + length + 6:.1f}" y="{y + 15}" font-size="11">'
            f"{escape(f'{got.strip()} ({result.row.reach})')}</text>",
        ]
    bottom = _TOP + _LINE * len(results)
    line = _BARS + _ONE
    parts += [
        f'<line x1="{line}" y1="{_TOP}" x2="{line}" y2="{bottom}" stroke="#222222" '
        'stroke-dasharray="4 3"/>',
        f'<text x="{line}" y="{bottom + 16}" text-anchor="middle" font-size="11">reached</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"
