"""A terminal that goes away with no signal reaching the program: it ends all the same, and soon.

The kernel tells a hang-up to the session's leader. Where that is `make`, `script`, `sudo` or `ssh`,
what they started hears of nothing; who was detached from the terminal neither.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.e2e.processes import TIMEOUT, World, contents, fill

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("screens"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals"),
]

#: Seconds from the terminal's end to the program's: two, and the rest for a machine that is busy.
SOON = 2.0 + 3.0


class Terminal:
    """A pseudo-terminal, and a program on it that was started through something else."""

    def __init__(self, world: World, command: Sequence[str], *, leads: bool = True) -> None:
        self._master, slave = os.openpty()
        self._world = world
        self.seen = ""
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=world.folder,
            env=world.environment | {"TERM": "xterm-256color"},
            start_new_session=not leads,
            preexec_fn=(lambda: _lead(slave)) if leads else None,  # noqa: PLW1509 - no threads here
        )
        os.close(slave)

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + TIMEOUT
        while text not in self.seen:
            assert time.monotonic() < deadline, f"no {text!r}: {self.seen}"
            self.seen += os.read(self._master, 65536).decode(errors="replace")

    def go_away(self) -> float:
        """Close it; return how many seconds everything on it took to end."""
        os.close(self._master)
        started = time.monotonic()
        while self._world.running() and time.monotonic() < started + SOON:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.02)
        return time.monotonic() - started


def _lead(terminal: int) -> None:
    """Become the leader of a session on this terminal."""
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def through(what: str, folder: Path, command: Sequence[str]) -> Sequence[str]:
    """Return the command by which a program is started through something else."""
    line = shlex.join(command)
    match what:
        case "make":
            (folder / "Makefile").write_text(f"run:\n\t@{line.replace('$', '$$')}\n")
            return ["make", "-C", str(folder), "run"]
        case "script":
            return ["script", "-qec", line, os.devnull]
        case "a shell that takes no hang-up":
            return ["sh", "-c", f"trap : HUP; {line}; :"]
    return command


@pytest.fixture
def lost_world(lonely_world: World) -> Iterator[World]:
    """A world whose people name no relay: one of their own is started, and must end as well."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        lonely_world.environment["FILESEND_PORT"] = str(free.getsockname()[1])
    yield lonely_world
    for pid in lonely_world.running():
        with suppress(psutil.NoSuchProcess):
            psutil.Process(pid).kill()


FILESEND = (sys.executable, "-m", "filesend_tui")
FACES = {
    "screens": ((), "works once"),
    "send": (("send", "a.txt"), "It works once"),
    "receive": (("receive",), "The other person's code:"),
    "seed": (("seed", "a.txt"), "magnet:"),
    "relay": (("relay", "--port", "0"), "ready at"),
}
WAYS = ("nothing", "setsid", "make", "script", "a shell that takes no hang-up")


#: A run without screens that reads nothing does not hear what `script` says, and goes on with it.
HEARD = [
    (way, face)
    for way in WAYS
    for face in FACES
    if way != "script" or face in ("screens", "receive")
]


@pytest.mark.parametrize(("way", "face"), HEARD)
def test_it_ends_with_its_terminal(lost_world: World, way: str, face: str) -> None:
    fill(lost_world.folder / "a.txt", 1000)
    arguments, shown = FACES[face]
    command = through(way, lost_world.folder, [*FILESEND, *arguments])
    terminal = Terminal(lost_world, command, leads=way != "setsid")
    terminal.wait_for(shown)
    took = terminal.go_away()
    assert lost_world.running() == {}, f"still there after {took:.1f} s"


def test_it_goes_on_where_hang_ups_are_ignored(world: World, tmp_path: Path) -> None:
    """As under nohup, though with its streams on the terminal: what it is for is done."""
    sent = fill(tmp_path / "from" / "a.bin", 300_000)
    sending = f'trap "" HUP; exec {shlex.join([*FILESEND, "send", str(sent)])}'
    terminal = Terminal(world, ["sh", "-c", sending])
    terminal.wait_for("works once")
    code = terminal.seen.split("Code: ")[1].split()[0]
    os.close(terminal._master)
    receiver = world.receive(code, tmp_path / "to")
    assert receiver.end() == 0, receiver.report()
    assert terminal.process.wait(TIMEOUT) == 0
    assert contents(tmp_path / "to") == contents(tmp_path / "from")


def test_the_partner_is_told(world: World, tmp_path: Path) -> None:
    """In mid-transfer, too: it is no silence that the other side has to wait out."""
    sent = fill(tmp_path / "from" / "a.bin", 50_000_000)
    sender, code = world.send(sent, "--upload-limit", "1M")
    command = [*FILESEND, "receive", code, "--yes", "-o", str(tmp_path / "to")]
    terminal = Terminal(world, through("make", tmp_path, command))
    terminal.wait_for("Receiving")
    os.close(terminal._master)
    assert sender.end() in (1, 6), sender.report()
    terminal.process.wait(TIMEOUT)
    assert contents(tmp_path / "to") == {}
