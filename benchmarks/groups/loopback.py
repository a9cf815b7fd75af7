"""A large file on loopback: the direct road beside other programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import measures
from benchmarks.context import GB, MB, Context
from benchmarks.measures import Moved
from benchmarks.processes import Failed
from benchmarks.roads import DIRECT, require_direct
from benchmarks.table import Figures, Result, Row, ratio
from benchmarks.yardsticks import wormhole

TLS = Row(name="tls", title="1 GB, loopback: direct ÷ raw TLS pipe", at_least=1.3)
WORMHOLE = Row(name="wormhole", title="1 GB, loopback: direct ÷ magic-wormhole", at_least=2)
LIBTORRENT = Row(name="libtorrent", title="1 GB, loopback: direct ÷ libtorrent TCP", at_least=1.5)
CPU = Row(name="cpu", title="CPU seconds a GB: direct ÷ raw TLS pipe", at_most=1.3)
ROWS = (TLS, WORMHOLE, LIBTORRENT, CPU)

_ROUNDS = 5
_SECONDS = 200.0


def measure(context: Context, rows: Sequence[Row]) -> list[Result]:
    """Alternate each yardstick with the direct road, before or after it."""
    require_direct()
    size = context.size(GB)
    source = context.file(size)
    yardsticks: dict[Row, Callable[[], Moved]] = {}
    failures: dict[Row, str] = {}
    with ExitStack() as stack:
        relay = stack.enter_context(measures.relay(context))
        if TLS in rows or CPU in rows:
            yardsticks[TLS] = lambda: measures.stream(context, size, tls=True, file=source)
        if LIBTORRENT in rows:
            yardsticks[LIBTORRENT] = lambda: measures.torrent(context, source)
        if WORMHOLE in rows:
            try:
                folder = stack.enter_context(measures.fresh(context, "wormhole-servers"))
                servers = stack.enter_context(wormhole.servers(folder))
                yardsticks[WORMHOLE] = lambda: _wormhole(context, servers, source)
            except Failed as error:
                failures[WORMHOLE] = str(error)
        rates: dict[Row, Figures] = {row: {"ours": [], "theirs": []} for row in yardsticks}
        cpus: Figures = {"ours": [], "theirs": []}
        for number in context.rounds(_ROUNDS, _SECONDS):
            for row, yardstick in yardsticks.items():
                try:
                    ours, theirs = measures.in_turn(
                        number,
                        lambda: measures.filesend(context, relay, source, *DIRECT),
                        yardstick,
                    )
                except Failed as error:
                    failures[row] = str(error)
                    context.say(f"{row.name}: a round failed: {error}")
                    continue
                context.say(f"{row.name}: direct {ours.rate:.0f}, it {theirs.rate:.0f} MB/s")
                rates[row]["ours"].append(ours.rate)
                rates[row]["theirs"].append(theirs.rate)
                if row is TLS:
                    cpus["ours"].append(ours.cpu)
                    cpus["theirs"].append(theirs.cpu)
    results = []
    for row in rows:
        figures, unit = (cpus, "s/GB") if row is CPU else (rates.get(row), "MB/s")
        if figures and figures["ours"]:
            results.append(ratio(row, figures, "ours", "theirs", unit))
        else:
            why = failures.get(TLS if row is CPU else row, "")
            results.append(Result(row=row, why=why))
    return results


def _wormhole(context: Context, servers: wormhole.Servers, source: Path) -> Moved:
    with measures.fresh(context, "wormholed") as folder:
        seconds = wormhole.send(servers, source, folder, context.environment)
    return Moved(rate=source.stat().st_size / seconds / MB)
