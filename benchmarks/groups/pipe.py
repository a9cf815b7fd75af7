"""A stream from a pipe to a pipe, beside a file on the direct road and plain TCP."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks import measures
from benchmarks.context import GB, MB, Context
from benchmarks.measures import Moved, said
from benchmarks.processes import Failed, Program, python
from benchmarks.roads import DIRECT, require_direct
from benchmarks.table import Figures, Result, Row, ratio

PIPE = Row(name="pipe", title="1 GB, loopback: pipe to pipe ÷ direct", at_least=0.5)
PIPE_TCP = Row(name="pipe-tcp", title="the same ÷ plain TCP from memory to nowhere", at_least=0.05)
PIPE_MEMORY = Row(
    name="pipe-memory", title="2 GB, pipe to pipe: memory of either side", at_most=150, unit="MB"
)
ROWS = (PIPE, PIPE_TCP, PIPE_MEMORY)

_ROUNDS = 3
_SECONDS = 60.0
_WAIT = 300.0
_BLOCK = 1024 * 1024


def measure(context: Context, rows: Sequence[Row]) -> list[Result]:
    """Alternate a stream with the yardsticks; then one that is twice as long, for its memory."""
    require_direct()
    size = context.size(GB)
    rates: dict[Row, Figures] = {row: {"ours": [], "theirs": []} for row in (PIPE, PIPE_TCP)}
    peak, why = None, ""
    with measures.relay(context) as relay:
        source = context.file(size)
        try:
            for number in context.rounds(_ROUNDS, _SECONDS):
                ours, direct = measures.in_turn(
                    number,
                    lambda: stream(context, relay, size)[0],
                    lambda: measures.filesend(context, relay, source, *DIRECT),
                )
                tcp = measures.stream(context, size, tls=False)
                cpu = f"processor {ours.cpu:.2f} and {direct.cpu:.2f} s/GB"
                context.say(f"pipe {ours.rate:.0f}, direct {direct.rate:.0f} MB/s; {cpu}")
                for row, theirs in ((PIPE, direct.rate), (PIPE_TCP, tcp.rate)):
                    rates[row]["ours"].append(ours.rate)
                    rates[row]["theirs"].append(theirs)
            if PIPE_MEMORY in rows:
                _, peaks = stream(context, relay, 2 * size)
                peak = max(peaks) / MB
        except Failed as error:
            why = str(error)
    results = []
    for row in rows:
        if row is PIPE_MEMORY:
            results.append(Result(row=row, value=peak, why=why))
        elif rates[row]["ours"]:
            results.append(ratio(row, rates[row], "ours", "theirs", "MB/s"))
        else:
            results.append(Result(row=row, why=why))
    return results


def stream(context: Context, relay: str, size: int) -> tuple[Moved, tuple[int, int]]:
    """Send so many bytes from a pipe to a pipe; return the rate and both sides' peak memory.

    Raises:
        Failed: They did not arrive, or not as they were sent.
    """
    environment = context.environment | {"FILESEND_RELAY": relay}
    block = memoryview(os.urandom(_BLOCK))
    blocks = [block[: size - at] for at in range(0, size, _BLOCK)]
    out, into = os.pipe()
    with ExitStack() as stack, os.fdopen(out, "rb", buffering=0) as arriving:
        try:
            command = python("filesend_tui", "send", "--json", "-", *DIRECT)
            sender = stack.enter_context(Program(command, environment=environment))
            _, event = sender.wait_for(said("code"), _WAIT)
            command = python("filesend_tui", "receive", event["code"], "--yes", "-o", "-", *DIRECT)
            receiver = stack.enter_context(Program(command, environment=environment, output=into))
        finally:
            os.close(into)
        threading.Thread(target=sender.feed, args=(blocks,), daemon=True).start()
        total, first, cpu = 0, 0.0, 0.0
        peaks = (0, 0)
        # Both programs compare what arrives themselves: a hash here would take their time.
        while count := len(arriving.read(_BLOCK)):
            if not first:
                first, cpu = time.perf_counter(), sender.cpu() + receiver.cpu()
            total += count
            if total >= size:
                peaks = sender.peak(), receiver.peak()
                cpu = sender.cpu() + receiver.cpu() - cpu
        seconds = time.perf_counter() - first
        receiver.end(_WAIT)
        _, event = sender.wait_for(said("torrentDone"), _WAIT)
        sender.end(_WAIT)
        expected = hashlib.sha256()
        for each in blocks:
            expected.update(each)
        if total != size or event["sha256"] != expected.hexdigest():
            raise Failed("a stream arrived as something else")
        return Moved(rate=size / seconds / MB, cpu=cpu / size * 1e9), peaks
