"""What a relay costs that carries the bytes of two who reach each other in no other way."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks import measures
from benchmarks.context import GB, MB, Context
from benchmarks.processes import Program, python
from benchmarks.table import Figures, Result, Row, ratio, single
from benchmarks.yardsticks import wormhole

RATE = Row(name="transit", title="/transit ÷ magic-wormhole's transit relay", at_least=1.5)
CPU = Row(name="transit-cpu", title="the same, processor time of the relay a GB", at_most=1.0)
MEMORY = Row(
    name="transit-memory", title="memory that it takes for all of that", at_most=10, unit="MB"
)
ROWS = (RATE, CPU, MEMORY)

_SIZE = 2 * GB
_ROUNDS = 5
_SECONDS = 60.0
_MODULE = "benchmarks.yardsticks.pipe"
_OURS = "filesend"
_THEIRS = "wormhole"


def measure(context: Context, rows: Sequence[Row]) -> list[Result]:
    """Send bytes through both, in turn, and look at each relay's process."""
    rate: Figures = {_OURS: [], _THEIRS: []}
    cpu: Figures = {_OURS: [], _THEIRS: []}
    size = context.size(_SIZE)

    def through(kind: str, where: str, relay: Program, count: int = size) -> None:
        before = relay.cpu()
        with Program(python(_MODULE, kind, where, str(count))) as ends:
            _, told = ends.wait_for(measures.figures("seconds"), 300)
            ends.end()
        rate[kind].append(told["bytes"] / told["seconds"] / MB)
        cpu[kind].append((relay.cpu() - before) / told["bytes"] * GB)

    with (
        measures.fresh(context, "mailbox") as folder,
        wormhole.transit_relay(folder) as (theirs, address),
        Program(python(_MODULE, "serve")) as ours,
    ):
        _, url = ours.wait_for(lambda line: line.split()[-1] if "ready at" in line else None, 60)
        through(_OURS, url, ours, MB)  # until everything is imported
        for figures in (rate, cpu):
            figures[_OURS].clear()
        before = ours.peak()
        for number in context.rounds(_ROUNDS, _SECONDS):
            measures.in_turn(
                number,
                lambda: through(_OURS, url, ours),
                lambda: through(_THEIRS, address, theirs),
            )
        more = (ours.peak() - before) / MB
    results = {
        RATE: ratio(RATE, rate, _OURS, _THEIRS, "MB/s"),
        CPU: ratio(CPU, cpu, _OURS, _THEIRS, "s"),
        MEMORY: single(MEMORY, "more", [more]),
    }
    return [results[row] for row in rows]
