"""What a relay costs that carries the bytes of two who reach each other in no other way."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks import measures
from benchmarks.context import GB, MB, Context
from benchmarks.processes import Failed, Program, python
from benchmarks.table import Figures, Result, Row, ratio, single
from benchmarks.yardsticks import turn, wormhole

RATE = Row(name="transit", title="/transit ÷ magic-wormhole's transit relay", at_least=1.5)
CPU = Row(name="transit-cpu", title="the same, processor time of the relay a GB", at_most=1.0)
MEMORY = Row(
    name="transit-memory", title="memory that it takes for all of that", at_most=10, unit="MB"
)
TURN = Row(name="transit-turn", title="/transit ÷ coturn (TURN by TCP)", at_least=1.0)
TURN_CPU = Row(
    name="transit-turn-cpu", title="the same, processor time of the relay a GB", at_most=1.0
)
ROWS = (RATE, CPU, MEMORY, TURN, TURN_CPU)

_SIZE = 2 * GB
_ROUNDS = 5
_SECONDS = 60.0
_MODULE = "benchmarks.yardsticks.pipe"
_OURS = "filesend"
_THEIRS = "wormhole"
_COTURN = "coturn"
#: coturn takes ten times as long for a byte.
_SHARE = 10


def measure(context: Context, rows: Sequence[Row]) -> list[Result]:
    """Send bytes through each, in turn, and look at each relay's process."""
    rate: Figures = {_OURS: [], _THEIRS: [], _COTURN: []}
    cpu: Figures = {_OURS: [], _THEIRS: [], _COTURN: []}
    size = context.size(_SIZE)

    def through(kind: str, where: str, relay: Program, count: int = size) -> None:
        before = relay.cpu()
        command = (_MODULE, kind) if kind != _COTURN else ("benchmarks.yardsticks.turn",)
        with Program(python(*command, where, str(count))) as ends:
            _, told = ends.wait_for(measures.figures("seconds"), 300)
            ends.end()
        rate[kind].append(told["bytes"] / told["seconds"] / MB)
        cpu[kind].append((relay.cpu() - before) / told["bytes"] * GB)

    with (
        measures.fresh(context, "mailbox") as folder,
        wormhole.transit_relay(folder) as (theirs, address),
        ExitStack() as more_of_it,
        Program(python(_MODULE, "serve")) as ours,
    ):
        _, url = ours.wait_for(lambda line: line.split()[-1] if "ready at" in line else None, 60)
        through(_OURS, url, ours, MB)  # until everything is imported
        for figures in (rate, cpu):
            figures[_OURS].clear()
        before = ours.peak()
        why_not = ""
        try:
            coturn, there = more_of_it.enter_context(turn.server(folder))
        except Failed as error:
            why_not = str(error)
        for number in context.rounds(_ROUNDS, _SECONDS):
            measures.in_turn(
                number,
                lambda: through(_OURS, url, ours),
                lambda: through(_THEIRS, address, theirs),
            )
            if not why_not:
                through(_COTURN, there, coturn, size // _SHARE)
        more = (ours.peak() - before) / MB
    results = {
        RATE: ratio(RATE, rate, _OURS, _THEIRS, "MB/s"),
        CPU: ratio(CPU, cpu, _OURS, _THEIRS, "s"),
        MEMORY: single(MEMORY, "more", [more]),
    }
    for row, figures, unit in ((TURN, rate, "MB/s"), (TURN_CPU, cpu, "s")):
        results[row] = (
            Result(row=row, why=why_not) if why_not else ratio(row, figures, _OURS, _COTURN, unit)
        )
    return [results[row] for row in rows]
