"""Single measurements: start the processes, wait, read their figures, end them."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.context import MB, Context, Ends, Loopback
from benchmarks.processes import Failed, Program, python

_START = 60.0
_PAIR = 90.0

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True, kw_only=True)
class Moved:
    """Bytes that were transferred from one end to the other.

    rate: MB/s, from the first bytes to the last; for a file until it is in place. cpu: processor
    seconds of both sides for each GB, over the same bytes.
    """

    rate: float
    cpu: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Transfer(Moved):
    """A file or folder that was sent from one `filesend` to another.

    wall: seconds from the moment both were paired, when the sender asks, until everything was in
    place. first_byte: from the yes to the first verified bytes. peaks: largest resident sets of
    sender and receiver, in bytes. road: the road used. looked: seconds from the sender's start
    until it had looked through what it sends, and showed a code.
    """

    wall: float
    first_byte: float
    peaks: tuple[int, int]
    road: str
    looked: float = 0.0


def in_turn(number: int, first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
    """Take two measurements, in reverse order every other round, so that neither always follows."""
    if number % 2 == 0:
        one = first()
        return one, second()
    two = second()
    return first(), two


@contextmanager
def fresh(context: Context, name: str) -> Iterator[Path]:
    """Yield an empty folder, which is removed afterwards with its contents."""
    folder = context.folder / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def said(kind: str, **fields: Any) -> Any:
    """Return a matcher for an event of `filesend --json`, by its kind and some of its fields."""

    def match(line: str) -> dict[str, Any] | None:
        if not line.startswith('{"event"'):
            return None
        try:
            event: dict[str, Any] = json.loads(line)
        except ValueError:
            return None  # a line of something else, such as a profiler
        if event["event"] == "error":
            raise Failed(f"filesend says: {event['message']}")
        if event["event"] != kind or any(event.get(k) != v for k, v in fields.items()):
            return None
        return event

    return match


def figures(*names: str) -> Any:
    """Return a matcher for a line of JSON with these fields."""

    def match(line: str) -> dict[str, Any] | None:
        if not line.startswith("{"):
            return None
        told: dict[str, Any] = json.loads(line)
        return told if all(name in told for name in names) else None

    return match


@contextmanager
def relay(context: Context, ends: Ends | None = None) -> Iterator[str]:
    """Run a relay at end 0; yield its URL."""
    ends = ends or Loopback()
    command = python("filesend_tui", "relay", "--host", ends.addresses[0], "--port", "0")
    with Program(ends.at(0, *command), environment=context.environment) as program:
        _, url = program.wait_for(
            lambda line: line.split()[-1] if "ready at" in line else None, _START
        )
        yield url


def filesend(
    context: Context,
    relay_url: str,
    source: Path,
    *options: str,
    ends: Ends | None = None,
    interpreter: str = sys.executable,
    module: str = "filesend_tui",
    seconds: float = 300.0,
) -> Transfer:
    """Send a file or folder from one `filesend` to another.

    Args:
        context: The run.
        relay_url: The relay of both.
        source: The file or folder to send.
        options: Further options of both, such as `--road direct`.
        ends: Where sender and receiver run.
        interpreter: The Python that runs both.
        module: What runs in it.
        seconds: The timeout.
    """
    ends = ends or Loopback()
    environment = context.environment | {"FILESEND_RELAY": relay_url}

    def run(side: int, *arguments: str | Path) -> Program:
        command = python(module, *arguments, interpreter=interpreter)
        return Program(ends.at(side, *command), environment=environment)

    with ExitStack() as stack:
        folder = stack.enter_context(fresh(context, "received"))
        began = time.perf_counter()
        sender = stack.enter_context(run(0, "send", "--json", *options, source))
        shown, event = sender.wait_for(said("code"), _START)
        receiver = stack.enter_context(
            run(1, "receive", "--json", "--yes", "-o", folder, *options, event["code"])
        )
        asked, _ = sender.wait_for(said("paired"), _PAIR)
        approved, _ = receiver.wait_for(said("transferState", phase="approved"), seconds)
        started, _ = receiver.wait_for(said("downloadStarted"), seconds)
        first, event = receiver.wait_for(some_bytes, seconds)
        begin = event["downloadedBytes"]
        cpu = sender.cpu() + receiver.cpu()
        last, event = receiver.wait_for(said("downloadComplete"), seconds)
        cpu = sender.cpu() + receiver.cpu() - cpu
        peaks = (sender.peak(), receiver.peak())
        size = event["bytes"]
        since = first
        if begin > size / 2:  # small and fast: most bytes came before the first figure
            begin, since = 0, started
        moved = size - begin
        sender.wait_for(said("torrentDone"), _PAIR)
        return Transfer(
            rate=moved / (last - since) / MB,
            cpu=cpu / moved * 1e9,
            wall=last - asked,
            first_byte=first - approved,
            peaks=peaks,
            road=event["road"],
            looked=shown - began,
        )


def some_bytes(line: str) -> dict[str, Any] | None:
    """Return the event if it reports verified bytes, else None."""
    event: dict[str, Any] | None = said("download")(line)
    return event if event and event["downloadedBytes"] else None


def stream(
    context: Context, size: int, *, tls: bool, file: Path | None = None, ends: Ends | None = None
) -> Moved:
    """Send bytes, or a file that is hashed and written, through one TCP or TLS connection."""
    ends = ends or Loopback()
    module = "benchmarks.yardsticks.stream"
    common = ["--tls"] if tls else []
    read: list[str | Path] = ["--file", file] if file else []
    with ExitStack() as stack:
        folder = stack.enter_context(fresh(context, "streamed"))
        write: list[str | Path] = ["--write", folder / "file"] if file else []
        receiver = stack.enter_context(
            Program(ends.at(1, *python(module, "receive", ends.addresses[1], *common, *write)))
        )
        _, told = receiver.wait_for(figures("port"), _START)
        sender = stack.enter_context(
            Program(
                ends.at(
                    0,
                    *python(
                        module, "send", ends.addresses[1], "--port", str(told["port"]),
                        "--bytes", str(size), *common, *read,
                    ),
                )
            )
        )  # fmt: skip
        _, got = receiver.wait_for(figures("seconds"), 300)
        _, gave = sender.wait_for(figures("cpu"), _START)
        sender.end()
        return Moved(
            rate=got["bytes"] / got["seconds"] / MB, cpu=(got["cpu"] + gave["cpu"]) / size * 1e9
        )


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """The parameters of a raw channel, in bytes: a message, and the queue's marks."""

    message: int = 64 * 1024
    high: int = 1024 * 1024
    low: int = 512 * 1024

    def __str__(self) -> str:
        return f"messages of {self.message // 1024} KiB"


def channel(
    kind: str,
    size: int,
    *,
    tuning: Tuning | None = None,
    ends: Ends | None = None,
    interpreter: str = sys.executable,
    seconds: float = 120.0,
) -> Moved:
    """Send bytes over one bare data channel of a kind, for `seconds` at most."""
    ends, tuning = ends or Loopback(), tuning or Tuning()
    module = "benchmarks.yardsticks.channel"

    def run(side: int, what: str) -> Program:
        return Program(ends.at(side, *python(module, kind, what, interpreter=interpreter)))

    with run(0, "send") as sender, run(1, "receive") as receiver:
        _, offer = sender.wait_for(figures("sdp"), _START)
        receiver.write(json.dumps(offer))
        _, answer = receiver.wait_for(figures("sdp"), _START)
        sender.write(json.dumps(answer))
        sender.wait_for(figures("open"), _START)
        what = {"total": size, "seconds": seconds}
        receiver.write(json.dumps(what))
        sender.write(
            json.dumps(what | {"message": tuning.message, "high": tuning.high, "low": tuning.low})
        )
        _, got = receiver.wait_for(figures("seconds"), seconds + _START)
        sender.write("{}")
        _, gave = sender.wait_for(figures("cpu"), _START)
        return Moved(
            rate=got["bytes"] / got["seconds"] / MB,
            cpu=(got["cpu"] + gave["cpu"]) / got["bytes"] * 1e9,
        )


def torrent(context: Context, source: Path, *, tracker: str | None = None) -> Moved:
    """Send a file from one libtorrent to another: over plain TCP, or over WebRTC by a tracker."""
    module = "benchmarks.yardsticks.torrent"
    options = ["--tracker", tracker] if tracker else []
    size = source.stat().st_size
    with fresh(context, "torrented") as folder, ExitStack() as stack:
        seeder = stack.enter_context(Program(python(module, "seed", source, *options)))
        _, told = seeder.wait_for(figures("torrent"), 120)
        downloader = stack.enter_context(Program(python(module, "download", folder, *options)))
        downloader.write(json.dumps(told))
        downloader.wait_for(figures("first"), 120)
        cpu = seeder.cpu()
        _, got = downloader.wait_for(figures("seconds"), 300)
        cpu = seeder.cpu() - cpu
        return Moved(rate=got["bytes"] / got["seconds"] / MB, cpu=(got["cpu"] + cpu) / size * 1e9)
