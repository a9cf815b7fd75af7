"""One sender, several receivers: what leaves the sender, and how long it takes for all of them.

The sender's upload is capped, as a line is; one receiver alone in the same run is the yardstick.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks import measures, roads
from benchmarks.context import MB, Context
from benchmarks.processes import Program, python
from benchmarks.table import Figures, Result, Row, ratio, single, summary

_TITLE: Final = "100 MB to 5 people, upload capped at 10 MB/s: "
COPIES = Row(name="several-copies", title=_TITLE + "copies that leave the sender", at_most=1.6)
TIME = Row(name="several-time", title=_TITLE + "time until all have it ÷ one alone", at_most=2.0)
ROWS = (COPIES, TIME)

_PEOPLE: Final = 5
_SIZE: Final = 100 * MB
_CAP: Final = "10M"
_ROUNDS: Final = 3
_SECONDS: Final = 120.0
_TIMEOUT: Final = 300.0


class _Sent(NamedTuple):
    """seconds: from the first yes until the last has it. copies: how often it left the sender."""

    seconds: float
    copies: float


def measure(context: Context, rows: Sequence[Row]) -> list[Result]:
    """Send to one and to five in turn."""
    roads.require_direct()
    figures: Figures = {"copies": [], "five": [], "one": []}
    source = context.file(context.size(_SIZE))
    with measures.relay(context) as relay:
        for number in context.rounds(_ROUNDS, _SECONDS):
            one, five = measures.in_turn(
                number,
                lambda: _send(context, relay, source, 1),
                lambda: _send(context, relay, source, _PEOPLE),
            )
            context.say(
                f"several: one {one.seconds:.1f} s, {_PEOPLE} people {five.seconds:.1f} s, "
                f"{five.copies:.2f} copies"
            )
            figures["one"].append(one.seconds)
            figures["five"].append(five.seconds)
            figures["copies"].append(five.copies)
    results = {
        COPIES: single(COPIES, "copies", figures["copies"], summary(figures["copies"])),
        TIME: ratio(TIME, figures, "five", "one", "s"),
    }
    return [results[row] for row in rows]


def _send(context: Context, relay: str, source: Path, people: int) -> _Sent:
    environment = context.environment | {"FILESEND_RELAY": relay, "FILESEND_LISTEN": "local"}
    environment["FILESEND_TRACKERS"] = "none"

    def run(*arguments: str | Path) -> Program:
        words = [str(each) for each in arguments]
        return Program(
            python("filesend_tui", *words, *roads.DIRECT, "--json"), environment=environment
        )

    with ExitStack() as stack, measures.fresh(context, "several") as folder:
        several = ("--receivers", str(people)) if people > 1 else ()
        command = ("send", source, "--upload-limit", _CAP, *several)
        sender = stack.enter_context(run(*command))
        receivers: list[Program] = []
        codes: list[str] = []
        for number in range(people):
            code = sender.wait_for(_new_code(codes), _TIMEOUT)[1]
            codes.append(code)
            name = f"to{number}"
            receivers.append(
                stack.enter_context(run("receive", code, "--yes", "-o", folder / name))
            )
        began = time.perf_counter()
        for each in receivers:
            began = min(began, each.wait_for(measures.said("downloadStarted"), _TIMEOUT)[0])
        ended = max(
            each.wait_for(measures.said("downloadComplete"), _TIMEOUT)[0] for each in receivers
        )
        for each in (*receivers, sender):
            each.end(_TIMEOUT)
        figures = filter(None, map(measures.said("upload"), sender.lines))
        sent = max(event["uploadedBytes"] for event in figures)
    return _Sent(ended - began, sent / source.stat().st_size)


def _new_code(known: Sequence[str]) -> Any:
    said = measures.said("code")

    def match(line: str) -> str | None:
        event = said(line)
        return None if event is None or event["code"] in known else str(event["code"])

    return match
