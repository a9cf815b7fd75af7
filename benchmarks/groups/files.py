"""Very many small files, beside what else copies them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks import measures, roads
from benchmarks.context import MB, Context
from benchmarks.processes import Failed
from benchmarks.table import Figures, Result, Row, ratio, single
from benchmarks.yardsticks import rsync, wormhole

_WHAT: Final = "200,000 files of 1 KB, loopback"
RSYNC = Row(name="files-rsync", title=f"{_WHAT}: files a second, direct ÷ rsync -a", at_least=0.5)
WORMHOLE = Row(
    name="files-wormhole",
    title=f"{_WHAT}: files a second, direct ÷ magic-wormhole",
    at_least=2,
)
MEMORY = Row(
    name="files-memory", title="the same: peak memory of either side", at_most=250, unit="MB"
)
ROWS = (RSYNC, WORMHOLE, MEMORY)

_COUNT: Final = 200_000
_SIZE: Final = 1_000
_ROUNDS: Final = 3
_SECONDS: Final = 240.0
#: Seconds that any of them may take.
_MOST: Final = 900.0


def measure(context: Context, rows: Sequence[Row]) -> list[Result]:
    """Send them with each in turn: all that a person waits for but typing a code.

    Of FileSend and magic-wormhole that is from the sender's start to its code (they look through
    the folder, or pack it), and from the connection until everything is in place.
    """
    roads.require_direct()
    count = _COUNT // 10 if context.quick else _COUNT
    source = many(context.folder, count, _SIZE)
    ours: list[float] = []
    ratios: dict[Row, Figures] = {}
    failures: dict[Row, str] = {}
    peaks: list[tuple[int, int]] = []
    with ExitStack() as stack:
        relay = stack.enter_context(measures.relay(context))
        yardsticks = _yardsticks(context, rows, source, failures, stack)
        for _ in context.rounds(_ROUNDS, _SECONDS):
            sent = measures.filesend(context, relay, source, *roads.DIRECT, seconds=_MOST)
            ours.append(count / (sent.looked + sent.wall))
            peaks.append(sent.peaks)
            context.say(f"files: direct {ours[-1]:,.0f} a second")
            for row, send in yardsticks.items():
                try:
                    rate = count / send()
                except Failed as error:
                    failures[row] = str(error)
                    context.say(f"{row.name}: a round failed: {error}")
                    continue
                context.say(f"{row.name}: it {rate:,.0f} a second")
                figures = ratios.setdefault(row, {"ours": [], "theirs": []})
                figures["ours"].append(ours[-1])
                figures["theirs"].append(rate)
    results = []
    for row in rows:
        if row is MEMORY:
            sender, receiver = (max(peak[side] for peak in peaks) / MB for side in (0, 1))
            note = f"sender {sender:.0f}, receiver {receiver:.0f} MB"
            results.append(single(row, "peak", [max(sender, receiver)], note))
        elif row in ratios:
            results.append(ratio(row, ratios[row], "ours", "theirs", "files/s"))
        else:
            results.append(Result(row=row, why=failures.get(row, "")))
    return results


def _yardsticks(
    context: Context,
    rows: Sequence[Row],
    source: Path,
    failures: dict[Row, str],
    stack: ExitStack,
) -> dict[Row, Callable[[], float]]:
    """Return what takes the seconds of each yardstick; why one is not there goes to `failures`."""
    found: dict[Row, Callable[[], float]] = {}
    if RSYNC in rows:

        def by_rsync() -> float:
            with measures.fresh(context, "rsynced") as folder, rsync.daemon(folder) as url:
                return rsync.send(url, source, _MOST)

        found[RSYNC] = by_rsync
    if WORMHOLE in rows:
        try:
            folder = stack.enter_context(measures.fresh(context, "wormhole-servers"))
            servers = stack.enter_context(wormhole.servers(folder))
        except Failed as error:
            failures[WORMHOLE] = str(error)
        else:

            def by_wormhole() -> float:
                with measures.fresh(context, "wormholed") as folder:
                    return sum(
                        wormhole.send_folder(servers, source, folder, context.environment, _MOST)
                    )

            found[WORMHOLE] = by_wormhole
    return found


def many(folder: Path, count: int, size: int = 4_000) -> Path:
    """Return a folder with so many files of so many bytes, a hundred in each folder, made once."""
    root = folder / f"many-{count}-{size}"
    if root.exists():
        return root
    for number in range(count):
        path = root / f"{number // 100:04}" / f"{number:06}.bin"
        if number % 100 == 0:
            path.parent.mkdir(parents=True)
        path.write_bytes(os.urandom(size))
    return root
