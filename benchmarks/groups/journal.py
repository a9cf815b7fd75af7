"""What the journal costs: a transfer with it beside one that keeps nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks import measures, roads
from benchmarks.context import GB, Context
from benchmarks.groups.files import many
from benchmarks.table import Figures, Result, Row, ratio

_TITLE: Final = "{}, direct: with the journal ÷ without, time"
LARGE = Row(name="journal", title=_TITLE.format("1 GB"), at_most=1.03)
SMALL = Row(name="journal-files", title=_TITLE.format("10,000 files of 4 KB"), at_most=1.03)
ROWS = (LARGE, SMALL)

_WITHOUT: Final = "benchmarks.yardsticks.no_journal"
_COUNT: Final = 10_000
_ROUNDS: Final = 9
_SECONDS: Final = 60.0


def measure(context: Context, rows: Sequence[Row]) -> list[Result]:
    """Send in turn with and without; the journal is on the disk, where people have it."""
    roads.require_direct()
    context = replace(context)  # its own environment
    context.environment["FILESEND_STATE"] = str((context.disk or context.folder) / "state")
    results = []
    with measures.relay(context) as relay:
        for row in rows:
            source = _source(context, row)
            send = partial(measures.filesend, context, relay, source, *roads.DIRECT)
            send()  # the first pays for what is loaded
            figures: Figures = {"with": [], "without": []}
            for number in context.rounds(_ROUNDS, _SECONDS):
                ours, bare = measures.in_turn(number, send, partial(send, module=_WITHOUT))
                context.say(f"{row.name}: with {ours.wall:.2f} s, without {bare.wall:.2f} s")
                figures["with"].append(ours.wall)
                figures["without"].append(bare.wall)
            results.append(ratio(row, figures, "with", "without", "s"))
    return results


def _source(context: Context, row: Row) -> Path:
    if row is LARGE:
        return context.file(context.size(GB))
    return many(context.folder, _COUNT // 10 if context.quick else _COUNT)
