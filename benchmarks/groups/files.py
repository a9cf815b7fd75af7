"""Many small files beside one large one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks import measures, roads
from benchmarks.context import Context
from benchmarks.table import Figures, Result, Row, ratio

FILES = Row(name="files", title="10,000 files of 4 KB ÷ one of 40 MB, time, direct", at_most=2)
ROWS = (FILES,)

_COUNT = 10_000
_SIZE = 4_000
_ROUNDS = 3
_SECONDS = 60.0


def measure(context: Context, rows: Sequence[Row]) -> list[Result]:
    """Send both, measured from the request until everything is in place."""
    del rows
    roads.require_direct()
    count = _COUNT // 10 if context.quick else _COUNT
    several, one = many(context.folder, count), context.file(count * _SIZE)
    figures: Figures = {"many": [], "one": []}
    with measures.relay(context) as relay:
        for number in context.rounds(_ROUNDS, _SECONDS):
            ours, theirs = measures.in_turn(
                number,
                lambda: measures.filesend(context, relay, several, *roads.DIRECT),
                lambda: measures.filesend(context, relay, one, *roads.DIRECT),
            )
            context.say(f"files: {count} of them {ours.wall:.1f} s, one {theirs.wall:.1f} s")
            figures["many"].append(ours.wall)
            figures["one"].append(theirs.wall)
    return [ratio(FILES, figures, "many", "one", "s")]


def many(folder: Path, count: int) -> Path:
    """Return a folder with so many files of 4 KB, a hundred in each folder, made once."""
    root = folder / f"many-{count}"
    if root.exists():
        return root
    for number in range(count):
        path = root / f"{number // 100:03}" / f"{number:05}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(_SIZE))
    return root
