"""Real `filesend` processes, and what they say, for the tests in this folder."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from tests.e2e.prefork import NURSERY, Forked

#: Seconds for anything to happen: for a machine that is busy with other tests.
TIMEOUT = 120.0
#: Seconds for a process that was told to end, or lost its terminal or its parent.
ENDING = 20.0
#: How a library, the interpreter or a log speaks, where this program should.
_FOREIGN = re.compile(
    r"Traceback|Exception ignored|never retrieved|never awaited|Warning\b|^\d{4}-\d\d-\d\d "
)
Event = dict[str, Any]


class Filesend:
    """One `filesend` process; with --json its events can be awaited.

    program: what is run instead of the module, and its first arguments. inside: the command by
    which a program runs somewhere else, such as in a network of its own, as the same process.
    in_full: it is a child of this process, and not forked from one that has imported the program.
    """

    def __init__(
        self,
        arguments: Sequence[str | Path],
        environment: dict[str, str],
        module: str = "filesend_tui",
        program: Sequence[str] = (),
        inside: Sequence[str] = (),
        *,
        in_full: bool = False,
        **popen: Any,
    ) -> None:
        self.events: list[Event] = []
        self.lines: list[str] = []
        self.errors: list[str] = []
        self._said = threading.Condition()
        options: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "encoding": "utf-8",
        }
        self.command = [
            *inside,
            sys.executable,
            *(("-c", *program) if program else ("-m", module)),
            *map(str, arguments),
        ]
        options |= popen
        #: Whether it was forked from a process that had imported the program.
        self.forked = (
            module == "filesend_tui"
            and not (program or in_full)
            and NURSERY.can(inside, environment, options)
        )
        self.process: subprocess.Popen[str] | Forked
        if self.forked:
            words = self.command[len(inside) + 3 :]
            self.process = NURSERY.start(words, inside, environment, options)
        else:
            self.process = subprocess.Popen(self.command, env=environment, **options)
        self._readers = [
            threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            for stream, lines in (
                (self.process.stdout, self.lines),
                (self.process.stderr, self.errors),
            )
            if stream is not None
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: Any, lines: list[str]) -> None:
        for line in stream:
            with self._said:
                lines.append(line.rstrip("\n"))
                if stream is self.process.stdout and line.startswith("{"):
                    self.events.append(json.loads(line))
                self._said.notify_all()
        with self._said:
            self._said.notify_all()

    def wait_for(self, event: str, matches: Callable[[Event], bool] = lambda _: True) -> Event:
        """Return the first event of this kind that matches, when it is said."""

        def found() -> Event | None:
            said = (e for e in self.events if e["event"] == event and matches(e))
            return next(said, None)

        return self._until(found, f"{event} event")

    def wait_for_line(self, text: str) -> str:
        """Return the first line, of stdout or stderr, that holds the text."""
        return self._until(
            lambda: next((line for line in self.lines + self.errors if text in line), None),
            f"line with {text!r}",
        )

    def _until(self, found: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + TIMEOUT
        with self._said:
            while (result := found()) is None:
                over = not any(reader.is_alive() for reader in self._readers)
                if over or not self._said.wait(min(1.0, deadline - time.monotonic())):
                    assert not over or found(), f"it ended without a {what}: {self.report()}"
                    assert time.monotonic() < deadline, f"no {what}: {self.report()}"
            return result

    def end(self) -> int:
        """Wait until the process has ended and all it said was read; return its exit code."""
        try:
            code = self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end: {self.report()}") from None
        for reader in self._readers:
            reader.join(TIMEOUT)
        return code

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def names(self) -> list[str]:
        """The kinds of events said, in order, each run of the same kind once."""
        kinds = [event["event"] for event in self.events]
        return [kind for i, kind in enumerate(kinds) if i == 0 or kinds[i - 1] != kind]

    def phases(self) -> list[str]:
        """The phases that transfers went through."""
        return [e["phase"] for e in self.events if e["event"] == "transferState"]

    def error_codes(self) -> list[str]:
        return [e["code"] for e in self.events if e["event"] == "error"]

    def complaints(self) -> list[str]:
        """What standard error holds that nobody should see: anything, in JSON that went well."""
        asks = "--verify" in self.command
        if "--json" in self.command and self.process.returncode == 0 and not asks:
            return self.errors
        return [line for line in self.errors if _FOREIGN.search(line)]

    def report(self) -> str:
        said = "\n".join([*self.lines[-12:], *self.errors[-20:]])
        return f"exit code {self.process.poll()}, said:\n{said}"

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join(5)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


class World:
    """A relay, an environment of its own, and the processes started in it."""

    MARK = "FILESEND_TEST_WORLD"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = uuid.uuid4().hex
        own = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith("FILESEND_") and not key.lower().endswith("_proxy")
        }
        self.environment = own | {
            self.MARK: self.mark,
            "FILESEND_SETTINGS": str(folder / "settings.toml"),
            "FILESEND_STATE": str(folder / "state"),
            "FILESEND_ICE_SERVERS": "none",
            "FILESEND_NAME": "Ann",
            # A test is no announcement to a network, and calls no stranger's tracker.
            "FILESEND_LISTEN": "local",
            "FILESEND_TRACKERS": "none",
            "PYTHONDEVMODE": "",
        }
        self.processes: list[Filesend] = []

    def start(self, *arguments: str | Path, **popen: Any) -> Filesend:
        process = Filesend(arguments, self.environment, **popen)
        self.processes.append(process)
        return process

    def start_relay(self) -> Filesend:
        """Start a relay that everybody here uses from now on."""
        relay = self.start("relay", "--port", "0")
        self.environment["FILESEND_RELAY"] = relay.wait_for_line("ready at").split()[-1]
        return relay

    def send(self, *arguments: str | Path) -> tuple[Filesend, str]:
        """Start sending; return the process and its code."""
        sender = self.start("send", "--json", *arguments)
        return sender, sender.wait_for("code")["code"]

    def receive(self, code: str, output: Path, *arguments: str) -> Filesend:
        return self.start(
            "receive", code, "--yes", "--json", "--name", "Bob", "-o", output, *arguments
        )

    def leftovers(self) -> list[str]:
        """Command lines of processes of this world that run on, though all should be ending."""
        deadline = time.monotonic() + ENDING
        while (running := self.running()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return list(running.values())

    def running(self) -> dict[int, str]:
        """The processes of this world that run: command lines by process id."""
        # A process that was forked shows the environment of the one it comes from.
        running = {
            each.process.pid: " ".join(each.command)
            for each in self.processes
            if each.forked and each.process.poll() is None
        }
        for process in psutil.process_iter():
            try:
                if process.environ().get(self.MARK) == self.mark:
                    running[process.pid] = " ".join(process.cmdline())
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        return running

    def close(self) -> None:
        for process in self.processes:
            process.kill()


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder, hidden ones too, by its path: the SHA-256 of what is in it."""
    return {
        path.relative_to(folder).as_posix(): digest(path)
        for path in folder.rglob("*")
        if path.is_file()
    }


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fill(path: Path, size: int) -> Path:
    """Write a file of random bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))
    return path
