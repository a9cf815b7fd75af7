"""The table: rows, their reach, and their results. Pure: figures in, text out."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Figures = dict[str, list[float]]
"""What was measured, by name: one figure a round."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table.

    name: its name on the command line. title: the ratio, or the value. at_least or at_most: the
    reach, one of the two. unit: of the value; empty for a ratio.
    """

    name: str
    title: str
    at_least: float | None = None
    at_most: float | None = None
    unit: str = ""

    def is_reached(self, value: float) -> bool:
        """Return whether the value is within the reach."""
        if self.at_least is not None:
            return value >= self.at_least
        assert self.at_most is not None
        return value <= self.at_most

    @property
    def reach(self) -> str:
        """The reach as it is printed."""
        if self.at_least is not None:
            return f"≥ {self.at_least:g}{_spaced(self.unit)}"
        return f"≤ {self.at_most:g}{_spaced(self.unit)}"


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of a row. value: None where it could not be measured, for the reason `why`.

    figures: one a round, by name. note: a summary of them.
    """

    row: Row
    value: float | None = None
    why: str = ""
    note: str = ""
    figures: Figures = field(default_factory=dict)

    @property
    def verdict(self) -> Literal["reached", "missed", "left out"]:
        """The text of the verdict column."""
        if self.value is None:
            return "left out"
        return "reached" if self.row.is_reached(self.value) else "missed"

    def as_json(self) -> dict[str, Any]:
        """Return the result as an object of the JSON file."""
        return {
            "row": self.row.name,
            "title": self.row.title,
            "reach": self.row.reach,
            "value": self.value,
            "unit": self.row.unit,
            "verdict": self.verdict,
            "why": self.why,
            "note": self.note,
            "figures": self.figures,
        }


def ratio(row: Row, figures: Figures, ours: str, theirs: str, unit: str) -> Result:
    """Return a row's result: the median of the ratios, each within one round.

    Args:
        row: The row.
        figures: The figures of both, one a round and in the same order.
        ours: The name of the numerators.
        theirs: The name of the denominators.
        unit: The unit of both, for the note.
    """
    pairs = list(zip(figures[ours], figures[theirs], strict=True))
    return Result(
        row=row,
        value=statistics.median(our / their for our, their in pairs),
        figures={ours: figures[ours], theirs: figures[theirs]},
        note=f"{summary(figures[ours])} ÷ {summary(figures[theirs])}{_spaced(unit)}",
    )


def single(row: Row, name: str, values: Sequence[float], note: str = "") -> Result:
    """Return the result of a row that is no ratio: the median of its values."""
    return Result(row=row, value=statistics.median(values), figures={name: list(values)}, note=note)


def summary(values: Sequence[float]) -> str:
    """Return the median, and the range of the rounds: `12.3 (11.9–13.0)`."""
    middle = _number(statistics.median(values))
    if len(values) < 2:
        return middle
    return f"{middle} ({_number(min(values))}–{_number(max(values))})"


HEADINGS: Final = ("row", "", "reach", "got", "", "medians (least–most)")


def render(results: Iterable[Result]) -> str:
    """Return the table as text, a row a line."""
    lines = [HEADINGS] + [
        (
            result.row.name,
            result.row.title,
            result.row.reach,
            "–" if result.value is None else _number(result.value) + _spaced(result.row.unit),
            result.verdict,
            result.why or result.note,
        )
        for result in results
    ]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADINGS) - 1)]
    return "\n".join(
        "  ".join(
            [*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]]
        ).rstrip()
        for line in lines
    )


def markdown(results: Iterable[Result]) -> str:
    """Return the table as in docs/performance.md."""
    lines = [
        "| row | what | reach | got | | medians (least–most) |",
        "|---|---|---|---|---|---|",
    ]
    for result in results:
        got = "–" if result.value is None else _number(result.value) + _spaced(result.row.unit)
        verdict = f"**{result.verdict}**" if result.verdict == "missed" else result.verdict
        about = (result.why or result.note).replace("|", r"\|")
        cells = (f"`{result.row.name}`", result.row.title, result.row.reach, got, verdict, about)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _spaced(unit: str) -> str:
    return f" {unit}" if unit else ""
