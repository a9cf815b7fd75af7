"""The page in Chromium and `filesend`, beside two pages of webtorrent in the same Chromium."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks import measures
from benchmarks.context import MB, Context
from benchmarks.measures import said
from benchmarks.processes import Failed, Program, python
from benchmarks.table import Figures, Result, Row, ratio

RECEIVES = Row(
    name="page-receives",
    title="200 MB, loopback: filesend → the page ÷ webtorrent → webtorrent, in one Chromium",
    at_least=1.5,
)
SENDS = Row(
    name="page-sends",
    title="the same, the page → filesend ÷ webtorrent → webtorrent",
    at_least=1.5,
)
ROWS = (RECEIVES, SENDS)

_SIZE: Final = 200 * MB
_ROUNDS: Final = 3
_SECONDS: Final = 90.0
_WAIT: Final = 120.0
#: What drives Chromium, as for the tests.
_PEERS: Final = Path(__file__).parents[2] / "tests" / "interop" / "peers"
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")


class _Browser:
    """A Chromium that is told what to do by JSON lines. tests/interop/peers has what it takes."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._numbers = itertools.count()
        self.wait("ready")

    def tell(self, **command: object) -> None:
        self._program.write(json.dumps(command))

    def wait(self, event: str, **fields: object) -> tuple[float, dict[str, Any]]:
        """Return when it said this, and what."""

        def match(line: str) -> dict[str, Any] | None:
            told: dict[str, Any] = json.loads(line) if line.startswith("{") else {}
            if told.get("event") in ("failed", "refused"):
                raise Failed(f"the browser says: {told['message']}")
            fits = told.get("event") == event and all(told.get(k) == v for k, v in fields.items())
            return told if fits else None

        return self._program.wait_for(match, _WAIT)

    def do(self, deed: str, **how: object) -> Any:
        """Have the page's driver do something; return what came of it."""
        number = next(self._numbers)
        self.tell(n=number, do=deed, **how)
        return self.wait("did", n=number)[1]["value"]


def measure(context: Context, rows: Sequence[Row]) -> list[Result]:
    """Alternate each direction with the yardstick."""
    rates: dict[Row, Figures] = {row: {"ours": [], "theirs": []} for row in rows}
    ways: dict[Row, Callable[[Context, str, Path], float]] = {RECEIVES: _receive, SENDS: _send}
    size = context.size(_SIZE)
    why = ""
    try:
        chromium = _chromium()
        with measures.relay(context) as relay:
            source = context.file(size)
            for _ in context.rounds(_ROUNDS, _SECONDS):
                seconds = _webtorrent(context, relay, source, chromium)
                for row in rows:
                    ours = ways[row](context, relay, source)
                    rates[row]["ours"].append(size / ours / MB)
                    rates[row]["theirs"].append(size / seconds / MB)
                told = ", ".join(f"{row.name} {rates[row]['ours'][-1]:.1f}" for row in rows)
                context.say(f"{told}, webtorrent {size / seconds / MB:.1f} MB/s")
    except Failed as error:
        why = str(error)
    return [
        ratio(row, rates[row], "ours", "theirs", "MB/s")
        if rates[row]["ours"]
        else Result(row=row, why=why)
        for row in rows
    ]


def _chromium() -> str:
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None or not (_PEERS.parent / "node_modules").is_dir():
        raise Failed("there is no Chromium, or nothing that drives it: make interop-deps")
    return found


@contextmanager
def _page(context: Context) -> Iterator[_Browser]:
    downloads = context.folder / "downloads"
    downloads.mkdir(exist_ok=True)
    command: list[str | Path] = ["node", _PEERS / "web_page.mjs", _chromium(), downloads]
    with Program(command, environment=context.environment) as program:
        yield _Browser(program)


def _receive(context: Context, relay: str, source: Path) -> float:
    """Return the seconds from the description to the last piece, `filesend` to the page."""
    environment = context.environment | {"FILESEND_RELAY": relay}
    with ExitStack() as stack:
        command = python("filesend_tui", "send", "--json", "--link", source)
        sender = stack.enter_context(Program(command, environment=environment))
        _, link = sender.wait_for(said("link"), _WAIT)
        browser = stack.enter_context(_page(context))
        browser.do("open", url=link["url"])
        browser.do("click", name="Accept")
        began, _ = sender.wait_for(said("downloadStarted"), _WAIT)
        done, _ = sender.wait_for(said("torrentDone"), _WAIT)
        sender.end(_WAIT)
        return done - began


def _send(context: Context, relay: str, source: Path) -> float:
    """Return the seconds from the description to the last piece, the page to `filesend`."""
    environment = context.environment | {"FILESEND_RELAY": relay}
    with ExitStack() as stack:
        browser = stack.enter_context(_page(context))
        browser.do("open", url=f"{relay}/")
        code = browser.do("text", at="#code")
        folder = stack.enter_context(TemporaryDirectory(dir=context.folder))
        command = python("filesend_tui", "receive", code, "--yes", "--json", "-o", folder)
        receiver = stack.enter_context(Program(command, environment=environment))
        receiver.wait_for(said("paired"), _WAIT)
        browser.do("choose", at="#files", paths=[str(source)])
        began, _ = receiver.wait_for(said("metadata"), _WAIT)
        done, _ = receiver.wait_for(said("downloadComplete"), _WAIT)
        receiver.end(_WAIT)
        return done - began


def _webtorrent(context: Context, relay: str, source: Path, chromium: str) -> float:
    """Return the seconds from the description to the last piece between two pages."""
    command: list[str | Path] = ["node", _PEERS / "chromium.mjs", chromium]
    with Program(command, environment=context.environment) as program:
        browser = _Browser(program)
        tracker = f"{relay.replace('http', 'ws', 1)}/announce"
        what = {"name": source.name, "root": str(source.parent), "paths": [source.name]}
        browser.tell(peer="seeder", do="seed", tracker=tracker, **what)
        _, seeding = browser.wait("seeding")
        browser.tell(peer="other", do="download", magnet=seeding["magnet"])
        _, done = browser.wait("done")
        return float(done["seconds"])
