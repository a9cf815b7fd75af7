"""The two trackers of the matrix, each a real process: our relay's, and bittorrent-tracker's."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.interop.line_process import LineProcess

HERE = Path(__file__).parent
_START = 30.0
_READY = "FileSend relay ready at "


@dataclass(frozen=True)
class Tracker:
    """A tracker that runs. relay: the relay's http URL where it is ours."""

    url: str
    process: LineProcess
    relay: str = ""


@contextmanager
def our_tracker(scratch: Path, inside: Sequence[str] = ()) -> Iterator[Tracker]:
    """Run `python -m relay`; the tracker is part of it. inside: a command to run it by."""
    process = LineProcess(
        "relay",
        [*inside, sys.executable, "-m", "relay", "--port", "0", "--until-stdin-closes"],
        log=scratch / "relay.log",
    )
    try:
        ready = process.wait(lambda line: line.get("text", "").startswith(_READY), _START)
        relay = ready["text"].removeprefix(_READY)
        yield Tracker(relay.replace("http", "ws", 1) + "/announce", process, relay)
    finally:
        process.close()


@contextmanager
def npm_tracker(
    scratch: Path, inside: Sequence[str] = (), address: str = "127.0.0.1"
) -> Iterator[Tracker]:
    """Run bittorrent-tracker's server, WebSocket only. inside: a command to run it by."""
    process = LineProcess(
        "bittorrent-tracker",
        [*inside, "node", HERE / "peers" / "tracker_server.mjs", address],
        log=scratch / "bittorrent-tracker.log",
    )
    try:
        yield Tracker(process.wait("ready", _START)["url"], process)
    finally:
        process.close()


#: The matrix's trackers by name.
TRACKERS: dict[str, Callable[[Path], AbstractContextManager[Tracker]]] = {
    "relay": our_tracker,
    "bittorrent-tracker": npm_tracker,
}
