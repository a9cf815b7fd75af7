"""WebRTC on loopback, beside bare data channels and libtorrent's."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks import measures, native, roads
from benchmarks.context import MB, Context
from benchmarks.measures import Tuning
from benchmarks.processes import Failed
from benchmarks.table import Figures, Result, Row, ratio

AIORTC = Row(name="aiortc", title="200 MB, WebRTC aiortc ÷ raw aiortc channel", at_least=0.9)
NATIVE = Row(name="native", title="200 MB, WebRTC native ÷ libtorrent WebRTC", at_least=1)
ROWS = (AIORTC, NATIVE)

_ROUNDS = 3
_AIORTC_SECONDS = 150.0
_NATIVE_SECONDS = 80.0
_PROBE = 16 * MB
_TUNINGS = tuple(Tuning(message=kib * 1024) for kib in (16, 32, 64))


def measure(context: Context, rows: Sequence[Row]) -> list[Result]:
    """Measure each row by itself."""
    results = []
    for row in rows:
        try:
            results.append((_aiortc if row is AIORTC else _native)(context))
        except Failed as error:
            results.append(Result(row=row, why=str(error)))
    return results


def best_tuning(kind: str) -> Tuning:
    """Try message sizes and return the fastest, so that the yardstick is fair."""
    return max(
        _TUNINGS,
        key=lambda tuning: measures.channel(kind, _PROBE, tuning=tuning).rate,
    )


def _aiortc(context: Context) -> Result:
    size = context.size(200 * MB)
    source = context.file(size)
    options = roads.webrtc("aiortc")
    figures: Figures = {"ours": [], "theirs": []}
    tuning = best_tuning("aiortc")
    with measures.relay(context) as relay:
        for number in context.rounds(_ROUNDS, _AIORTC_SECONDS):
            ours, theirs = measures.in_turn(
                number,
                lambda: measures.filesend(context, relay, source, *options),
                lambda: measures.channel("aiortc", size, tuning=tuning),
            )
            context.say(f"aiortc: filesend {ours.rate:.1f}, raw {theirs.rate:.1f} MB/s ({tuning})")
            figures["ours"].append(ours.rate)
            figures["theirs"].append(theirs.rate)
    return ratio(AIORTC, figures, "ours", "theirs", "MB/s")


def _native(context: Context) -> Result:
    interpreter = native.interpreter()
    options = roads.webrtc("native", interpreter)
    size = context.size(200 * MB)
    source = context.file(size)
    figures: Figures = {"ours": [], "theirs": []}
    with measures.relay(context) as relay:
        tracker = relay.replace("http", "ws", 1) + "/announce"
        for number in context.rounds(_ROUNDS, _NATIVE_SECONDS):
            ours, theirs = measures.in_turn(
                number,
                lambda: measures.filesend(
                    context, relay, source, *options, interpreter=interpreter
                ),
                lambda: measures.torrent(context, source, tracker=tracker),
            )
            context.say(f"native: filesend {ours.rate:.1f}, libtorrent {theirs.rate:.1f} MB/s")
            figures["ours"].append(ours.rate)
            figures["theirs"].append(theirs.rate)
    return ratio(NATIVE, figures, "ours", "theirs", "MB/s")
