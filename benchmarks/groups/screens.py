"""The cost of drawing: the TUI while thirty transfers run."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.context import Context
from benchmarks.processes import python
from benchmarks.stage import TRANSFERS
from benchmarks.table import Result, Row, single
from benchmarks.terminal import COLUMNS, LINES, Terminal

SHARE = Row(name="tui-cpu", title=f"TUI, {TRANSFERS} transfers: of a core", at_most=6, unit="%")
DRAWN = Row(name="tui-bytes", title=f"TUI, {TRANSFERS} transfers: drawn", at_most=4, unit="KB/s")
ROWS = (SHARE, DRAWN)

_ROUNDS = 3
_SECONDS = 60.0
_WARM_UP = 4.0
_WATCH = 12.0


def measure(context: Context, rows: Sequence[Row]) -> list[Result]:
    """Measure the TUI for a while, a few times."""
    shares, drawn = [], []
    for _ in context.rounds(_ROUNDS, _SECONDS):
        with Terminal(python("benchmarks.stage"), context.environment) as terminal:
            terminal.wait_for("film", 60)
            terminal.watch(_WARM_UP)
            share, rate = terminal.watch(_WATCH)
        context.say(f"TUI: {share * 100:.1f}% of a core, {rate / 1000:.2f} KB/s")
        shares.append(share * 100)
        drawn.append(rate / 1000)
    note = f"{COLUMNS} × {LINES} characters"
    results = {
        SHARE: single(SHARE, "percent", shares, note=note),
        DRAWN: single(DRAWN, "KB/s", drawn, note=note),
    }
    return [results[row] for row in rows]
