"""`filesend relay status`, printed: whether a relay answers, and what it has to do."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from filesend_tui.core.error_events import error_event
from filesend_tui.core.errors import FileSendError
from filesend_tui.core.relay_status import RelayStatus, relay_status
from filesend_tui.core.util.figures import size_text
from filesend_tui.core.util.proxies import Proxies
from filesend_tui.core.util.text import visible
from filesend_tui.headless.exit_codes import ExitCode, for_error
from filesend_tui.headless.printers import plain_printer

#: The figures that are printed, in this order, each with its words.
_WORDS: Final = {
    "people": "people connected",
    "pairs": "pairs of them",
    "nameplates": "codes that wait for somebody",
    "places": "places where somebody waits",
    "connections": "connections of every kind",
    "tracker_swarms": "swarms",
    "tracker_peers": "peers in them",
    "transit_ends": "ends of pipes open",
    "transit_bytes_total": "carried by pipes since it began",
    "routed_words_total": "words handed on since then",
    "refused_words_total": "words refused",
    "rejected_frames_total": "frames that could not be used, or were too many",
}
_BYTES: Final = "transit_bytes_total"
_HIDDEN: Final = (
    "It shows its figures to its own machine alone; --metrics-to there names who else may see them."
)


class Told(msgspec.Struct, frozen=True, kw_only=True, tag="relayStatus", tag_field="event"):
    """A relay's status as a JSON line. milliseconds: until it answered."""

    url: str
    version: str
    milliseconds: float
    figures: dict[str, float] | None


def run(url: str, proxies: Proxies, *, json: bool) -> ExitCode:
    """Ask a relay how it is, print it, and return the exit code.

    Args:
        url: The relay's address.
        proxies: What it is reached by.
        json: Print a JSON object on a line.
    """
    try:
        status = asyncio.run(relay_status(url, proxies))
    except FileSendError as error:
        plain_printer(json=json).show(error_event(error))
        return for_error(error.code)
    if json:
        told = Told(
            url=status.url,
            version=status.version,
            milliseconds=round(status.seconds * 1000, 1),
            figures=status.figures,
        )
        print(msgspec.json.encode(told).decode(), flush=True)
    else:
        for line in lines_of(status):
            print(visible(line), flush=True)
    return ExitCode.DONE


def lines_of(status: RelayStatus) -> list[str]:
    """Return what is printed of a relay, for people."""
    took = f"{status.seconds * 1000:.0f} ms"
    lines = [f"The relay at {status.url} answers in {took}; its version is {status.version}."]
    if status.figures is None:
        return [*lines, _HIDDEN]
    for name, words in _WORDS.items():
        value = sum(
            figure for each, figure in status.figures.items() if each.partition("{")[0] == name
        )
        shown = size_text(int(value)) if name == _BYTES else f"{value:,.0f}"
        lines.append(f"{shown:>12}  {words}")
    return lines
