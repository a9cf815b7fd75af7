"""A stage: a relay and people as real processes, what is done to them, and what is left of it."""

from __future__ import annotations

import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import psutil

from filesend_tui.headless.exit_codes import ExitCode
from tests.chaos.figures import Figures
from tests.chaos.network import Host
from tests.e2e.processes import TIMEOUT, Filesend, World, contents

#: What a relay holds for people; nothing of it once all of them are gone.
_HELD: Final = (
    *("nameplates", "places", "pairs", "people", "backlog_bytes"),
    *("tracker_sockets", "tracker_swarms", "tracker_peers"),
)
_ASK: Final = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())"


class Vitals(NamedTuple):
    """What a process that goes on has open. tasks: none where it cannot be asked."""

    sockets: int
    threads: int
    handles: int
    tasks: int = 0


def vitals(pid: int) -> Vitals:
    process = psutil.Process(pid)
    handles = process.num_handles() if sys.platform == "win32" else process.num_fds()
    return Vitals(_sockets(process), process.num_threads(), handles)


def _sockets(process: psutil.Process) -> int:
    if sys.platform != "linux":
        return len(process.net_connections())
    count = 0
    for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():  # whatever network it is in
        with suppress(FileNotFoundError):
            count += descriptor.readlink().name.startswith("socket:")
    return count


def wait_until(holds: Callable[[], bool], what: Callable[[], object]) -> None:
    """Look until this holds; fail with what there is instead."""
    deadline = time.monotonic() + TIMEOUT
    while not holds():
        assert time.monotonic() < deadline, what()
        time.sleep(0.05)


class Side:
    """One person with a memory of their own, who is killed and goes on.

    processes: those so far, the running one last.
    """

    def __init__(self, stage: Stage, name: str, host: Host | None) -> None:
        self.stage = stage
        self.name = name
        self.state = stage.folder / f"{name} state"
        self.host = host
        self.processes: list[Filesend] = []
        #: Options of each process, such as limits.
        self.options: tuple[str, ...] = ()

    @property
    def process(self) -> Filesend:
        return self.processes[-1]

    def start(self, command: str, *arguments: str | Path) -> Filesend:
        """Run a command of this person's."""
        process = self.run(command, "--json", *self.options, *arguments)
        self.processes.append(process)
        return process

    def run(self, *arguments: str | Path, **how: Any) -> Filesend:
        self.stage.environment |= {"FILESEND_STATE": str(self.state), "FILESEND_NAME": self.name}
        return self.stage.start(*arguments, inside=self.host.inside if self.host else (), **how)

    def kill(self) -> None:
        self.process.signal(signal.SIGKILL)
        self.process.end()

    def resume(self) -> Filesend:
        return self.start("resume")

    @property
    def has(self) -> int:
        """The most verified bytes that any of its processes told of."""
        return max((self._told(process) for process in self.processes), default=0)

    @property
    def fetched(self) -> int:
        """Verified bytes that its running process told of and has not found there."""
        found = (e for e in self.process.events if e["event"] == "metadata")
        there = next((int(event["resumedBytes"]) for event in found), 0)
        return max(0, self._told(self.process) - there)

    @staticmethod
    def _told(process: Filesend) -> int:
        told = (e for e in reversed(process.events) if e["event"] == "download")
        return next((int(event["downloadedBytes"]) for event in told), 0)

    def uploaded(self) -> int:
        """What all its processes told that they sent of files."""
        return sum(
            max((e["uploadedBytes"] for e in process.events if e["event"] == "upload"), default=0)
            for process in self.processes
        )


class Recovery:
    """Measures how long a receiver takes to get new bytes after each fault.

    Where the next fault comes first, the time runs on from the earlier one.
    """

    def __init__(self, receiver: Side, figures: Figures) -> None:
        self._receiver = receiver
        self._figures = figures
        self._since: float | None = None
        self._seen: tuple[Filesend, int]

    def begin(self) -> None:
        """Note that a fault is over, and what is left goes on."""
        self._figures.faults += 1
        self._since = self._since or time.monotonic()
        self._seen = (self._receiver.process, self._receiver.fetched)

    def wait(self, amount: float, *sides: Side) -> None:
        """Wait until the receiver has so many bytes; these start again as in `Stage.wait`."""

        def enough() -> bool:
            self._look()
            return self._receiver.has >= amount

        self._receiver.stage.wait(enough, *sides)

    def recovered(self, *sides: Side) -> None:
        """Wait until there are new bytes, or no more are missing."""

        def over() -> bool:
            self._look()
            return self._since is None or self._receiver.process.process.poll() is not None

        self._receiver.stage.wait(over, *sides)

    def _look(self) -> None:
        if self._since is not None:
            process, fetched = self._seen
            now, same = self._receiver.fetched, self._receiver.process is process
            if now > (fetched if same else 0):
                self._figures.recoveries.append(time.monotonic() - self._since)
                self._since = None


class Stage(World):
    """A relay that may die, people, and where they are.

    Args:
        folder: For everything.
        host: The network of the relay, and of people who are nowhere else; this machine's if None.
        relay_options: Further options of the relay.
    """

    def __init__(self, folder: Path, host: Host | None = None, *relay_options: str) -> None:
        super().__init__(folder)
        self.host = host
        self.sides: list[Side] = []
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.environment |= {"TMPDIR": str(self.temporary)}
        self.relay: Filesend
        self._relay_options = relay_options
        self._port = "0"
        self._before: Vitals | None = None

    def side(self, name: str, host: Host | None = None, *options: str) -> Side:
        side = Side(self, name, host or self.host)
        side.options = options
        self.sides.append(side)
        return side

    @property
    def relay_url(self) -> str:
        return self.environment["FILESEND_RELAY"]

    def start_relay(self) -> Filesend:
        """Start a relay with nothing in its memory, at the same address each time."""
        inside = self.host.inside if self.host else ()
        options = ("--port", self._port, "--no-announce", *self._relay_options)
        self.relay = self.start("relay", *options, inside=inside)
        url = self.relay.wait_for_line("ready at").split()[-1]
        self._port = url.rsplit(":", 1)[1]
        self.environment["FILESEND_RELAY"] = url
        if self._before is None:  # later ones have people at once
            pid = self.relay.process.pid
            idle = vitals(pid).sockets
            self.metrics()  # what answers them is there from the first time on
            wait_until(lambda: vitals(pid).sockets == idle, lambda: vitals(pid))
            self._before = vitals(pid)
        return self.relay

    def kill_relay(self) -> None:
        self.relay.signal(signal.SIGKILL)
        self.relay.end()

    def metrics(self) -> dict[str, float]:
        """The relay's figures, asked for from where it is."""
        url = f"{self.relay_url}/metrics"
        if self.host is None:
            with urllib.request.urlopen(url) as answer:
                text = answer.read().decode()
        else:
            text = self.host.run(sys.executable, "-c", _ASK, url)
        return {
            name.removeprefix("filesend_relay_"): float(value)
            for name, _, value in (line.rpartition(" ") for line in text.splitlines())
            if name.startswith("filesend_relay_") and "{" not in name
        }

    def begin(self, sender: Side, receiver: Side, path: Path, output: Path) -> None:
        """Start a transfer and wait until some of it has arrived."""
        code = sender.start("send", path).wait_for("code")["code"]
        receiver.start("receive", code, "--yes", "-o", output)
        receiver.process.wait_for("download", lambda event: event["downloadedBytes"] > 0)

    def report(self) -> str:
        """What everybody said last."""
        return "\n\n".join(f"{side.name}: {side.process.report()}" for side in self.sides)

    def wait(self, holds: Callable[[], bool], *sides: Side) -> None:
        """Wait for this. Who began while there was no relay was told so, and tries again."""

        def looked() -> bool:
            for side in sides:
                if side.process.process.poll() == ExitCode.RELAY_UNREACHABLE:
                    side.resume()
            return holds()

        wait_until(looked, self.report)

    def finish(self, *sides: Side) -> None:
        """Wait until these have ended, and well."""
        self.wait(lambda: all(s.process.process.poll() is not None for s in sides), *sides)
        assert all(side.process.end() == 0 for side in sides), self.report()

    def all_well(
        self, arrived: Mapping[Path, Mapping[str, str]], survivors: Sequence[int] = ()
    ) -> None:
        """Hold everybody to having left nothing behind but what arrived.

        Args:
            arrived: For each folder that something was received into, the SHA-256 of each file.
            survivors: The ids of processes that go on, besides the relay.
        """
        for folder, files in arrived.items():
            there = contents(folder)
            wrong = sorted(name for name, sha in there.items() if files.get(name, sha) != sha)
            more, less = sorted(there.keys() - files.keys()), sorted(files.keys() - there.keys())
            assert not (more or less or wrong), (folder, more, less, wrong, self.report())
            hollow = [
                path for path in folder.rglob("*") if path.is_dir() and not any(path.iterdir())
            ]
            assert hollow == [], "an empty folder is left"
        alive = {*survivors, self.relay.process.pid}
        wait_until(lambda: not self.running().keys() - alive, self.running)
        for side in self.sides:
            if side.state.exists():
                listing = side.run("resume", "--list", "--json")
                assert listing.end() == 0, listing.report()
                assert "unfinished" not in listing.names(), listing.report()
        if not survivors:
            wait_until(lambda: not any(self.metrics()[name] for name in _HELD), self.metrics)
        else:
            assert self.metrics()["nameplates"] == 0
        pid, before = self.relay.process.pid, self._before
        wait_until(lambda: vitals(pid) == before, lambda: f"{vitals(pid)}, before {before}")
        assert [*self.temporary.iterdir()] == [], "something is left among temporary files"
        for process in self.processes:
            assert process.complaints() == [], process.report()
