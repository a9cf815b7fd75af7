"""Links with a round trip, a rate and loss: each road beside one raw stream of the same kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import measures, native, roads
from benchmarks.context import MB, Context
from benchmarks.processes import Failed
from benchmarks.table import Figures, Result, Row, ratio
from benchmarks.wan import Link, Unavailable, Wan, why_unavailable


@dataclass(frozen=True, kw_only=True)
class Case:
    """A link and its transfers. direct: bytes of the file on the direct road."""

    name: str
    link: Link
    direct: int
    direct_rounds: int
    webrtc_reach: float


_LAN = Case(
    name="lan", link=Link(rtt=20, rate=1000), direct=500 * MB, direct_rounds=3, webrtc_reach=2
)
_WAN = Case(
    name="wan",
    link=Link(rtt=50, rate=200, loss=0.1),
    direct=150 * MB,
    direct_rounds=3,
    webrtc_reach=4,
)
_KINDS = ("aiortc", "native")
_DIRECT = {
    Row(name=f"{case.name}-direct", title=f"{case.link}: direct ÷ plain TCP", at_least=0.85): case
    for case in (_LAN, _WAN)
}
_WEBRTC = {
    Row(
        name=f"{case.name}-{kind}",
        title=f"{case.link}: WebRTC {kind} ÷ one raw channel",
        at_least=case.webrtc_reach,
    ): (case, kind)
    for case in (_LAN, _WAN)
    for kind in _KINDS
}
ROWS = (*_DIRECT, *_WEBRTC)

_DIRECT_SECONDS = 70.0
_WEBRTC_SECONDS = 110.0
_WEBRTC_ROUNDS = 3
#: Seconds of one measurement of a raw channel's rate.
_RAW_SECONDS = 10.0
_RAW_MOST = 400 * MB
#: Seconds that a file takes at the rate to be reached; opening lanes takes some of them.
_FILE_SECONDS = 12.0


def measure(context: Context, rows: Sequence[Row]) -> list[Result]:
    """Measure each row on its own links."""
    if reason := why_unavailable():
        return [Result(row=row, why=reason) for row in rows]
    results = []
    for row in rows:
        try:
            if row in _DIRECT:
                results.append(_direct(context, row, _DIRECT[row]))
            else:
                results.append(_webrtc(context, row, *_WEBRTC[row]))
        except (Failed, Unavailable) as error:
            results.append(Result(row=row, why=str(error)))
    return results


def _direct(context: Context, row: Row, case: Case) -> Result:
    roads.require_direct()
    size = context.size(case.direct)
    source = context.file(size)
    figures: Figures = {"ours": [], "theirs": []}
    for number in context.rounds(case.direct_rounds, _DIRECT_SECONDS):
        with Wan(case.link) as wan, measures.relay(context, wan) as relay:
            ours, theirs = measures.in_turn(
                number,
                lambda: measures.filesend(context, relay, source, *roads.DIRECT, ends=wan),
                lambda: measures.stream(context, size, tls=False, ends=wan),
            )
        context.say(f"{row.name}: direct {ours.rate:.1f}, plain TCP {theirs.rate:.1f} MB/s")
        figures["ours"].append(ours.rate)
        figures["theirs"].append(theirs.rate)
    return ratio(row, figures, "ours", "theirs", "MB/s")


def _webrtc(context: Context, row: Row, case: Case, kind: str) -> Result:
    interpreter = native.interpreter() if kind == "native" else roads.DEFAULT_INTERPRETER
    options = roads.webrtc(kind, interpreter)
    figures: Figures = {"ours": [], "theirs": []}
    size = 0
    for _ in context.rounds(_WEBRTC_ROUNDS, _WEBRTC_SECONDS):
        with Wan(case.link) as wan, measures.relay(context, wan) as relay:
            theirs = measures.channel(
                kind, _RAW_MOST, ends=wan, interpreter=interpreter, seconds=_RAW_SECONDS
            )
            # Sized by the first raw rate: slow links need fewer bytes for a measurement.
            size = size or max(4 * MB, int(theirs.rate * case.webrtc_reach * _FILE_SECONDS) * MB)
            source = context.file(context.size(size))
            ours = measures.filesend(
                context, relay, source, *options, ends=wan, interpreter=interpreter
            )
        context.say(
            f"{row.name}: filesend {ours.rate:.1f}, raw {theirs.rate:.1f} MB/s, {size // MB} MB"
        )
        figures["ours"].append(ours.rate)
        figures["theirs"].append(theirs.rate)
    return ratio(row, figures, "ours", "theirs", "MB/s")
