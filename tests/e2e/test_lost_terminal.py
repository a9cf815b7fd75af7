"""A terminal that goes away with no signal reaching the program: it is noticed all the same.

With nothing under way the program ends, and soon; else it finishes that without a terminal.

The kernel tells a hang-up to the session's leader. Where that is `make`, `script`, `sudo` or `ssh`,
what they started hears of nothing; who was detached from the terminal neither.
"""

from __future__ import annotations

import os
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from filesend_tui.state.settling import SETTLE
from tests.e2e.processes import TIMEOUT, World, contents, fill
from tests.e2e.screen import Screen
from tests.e2e.test_tmux import look

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("screens"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals"),
]

#: Seconds from the terminal's end to the program's: two, and the rest for a machine that is busy.
SOON = 2.0 + 3.0
#: Percent of a core that nobody uses who waits.
SPINNING = 25.0


class Terminal:
    """A pseudo-terminal, and a program on it that was started through something else."""

    def __init__(self, world: World, command: Sequence[str], *, leads: bool = True) -> None:
        self._master, slave = os.openpty()
        self._world = world
        self.seen = ""
        self._answered_from = 0
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
        """Wait until `text` was written since the last keys."""
        deadline = time.monotonic() + TIMEOUT
        while text not in self.seen[self._answered_from :]:
            assert time.monotonic() < deadline, f"no {text!r}: {self.seen}"
            self.seen += os.read(self._master, 65536).decode(errors="replace")

    def press(self, keys: bytes, text: str) -> None:
        """Press keys now and then until `text` is written."""
        seen = len(self.seen)
        deadline = time.monotonic() + TIMEOUT
        while text not in self.seen[seen:]:
            assert time.monotonic() < deadline, f"no {text!r}: {self.seen}"
            os.write(self._master, keys)
            # What comes up by itself hears no key until there was a moment without one.
            while select.select([self._master], [], [], 2 * SETTLE)[0]:
                self.seen += os.read(self._master, 65536).decode(errors="replace")
                if text in self.seen[seen:]:
                    break

    def type(self, keys: bytes) -> None:
        self._answered_from = len(self.seen)
        os.write(self._master, keys)

    def end(self) -> int:
        """Read until the program ends, which waits for its terminal to take what it writes."""
        with suppress(OSError):  # Linux's end of a terminal that nobody has open
            while written := os.read(self._master, 65536):
                self.seen += written.decode(errors="replace")
        return self.process.wait(TIMEOUT)

    @property
    def code(self) -> str:
        """The code that was shown."""
        return self.seen.split("Code: ")[1].split()[0]

    def cut(self) -> None:
        """Close it."""
        os.close(self._master)

    def all_gone(self) -> bool:
        """Wait until the program, and what it was started through, ended; return whether it did."""
        deadline = time.monotonic() + TIMEOUT
        others = {each.process.pid for each in self._world.processes}
        while self._world.running().keys() - others:
            if time.monotonic() > deadline:
                return False
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.1)
        return True

    def go_away(self) -> float:
        """Close it; return how many seconds everything on it took to end."""
        self.cut()
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


@contextmanager
def state_of(world: World, who: str) -> Iterator[None]:
    """Start what is started meanwhile as somebody who has a state folder of their own."""
    before = world.environment["FILESEND_STATE"]
    world.environment["FILESEND_STATE"] = str(world.folder / f"{who}'s state")
    yield
    world.environment["FILESEND_STATE"] = before


FILESEND = (sys.executable, "-m", "filesend_tui")
FACES = {
    "screens": ((), "works once"),
    "send": (("send", "a.txt"), "It works once"),
    "receive": (("receive",), "The other person's code:"),
    "seed": (("seed", "a.txt"), "magnet:"),
    "relay": (("relay", "--port", "0"), "ready at"),
}
WAYS = ("nothing", "setsid", "make", "script", "a shell that takes no hang-up")


#: Each way with the screens and with a command, each face with nothing in between.
STARTED = [
    *((way, face) for way in WAYS for face in ("screens", "receive")),
    *(("nothing", face) for face in FACES if face not in {"screens", "receive"}),
]


@pytest.mark.parametrize(("way", "face"), STARTED)
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
    terminal.cut()
    receiver = world.receive(terminal.code, tmp_path / "to")
    assert receiver.end() == 0, receiver.report()
    assert terminal.process.wait(TIMEOUT) == 0
    assert contents(tmp_path / "to") == contents(tmp_path / "from")


@pytest.mark.parametrize("way", WAYS)
def test_what_is_received_arrives_whole(world: World, tmp_path: Path, way: str) -> None:
    sent = fill(tmp_path / "from" / "a.bin", 3_000_000)
    sender, code = world.send(sent, "--upload-limit", "1M")
    command = [*FILESEND, "receive", code, "--yes", "-o", str(tmp_path / "to")]
    terminal = Terminal(world, through(way, tmp_path, command), leads=way != "setsid")
    terminal.wait_for("Receiving")
    terminal.cut()
    assert sender.end() == 0, sender.report()
    assert contents(tmp_path / "to") == contents(tmp_path / "from")
    assert terminal.all_gone()


def test_what_is_sent_arrives_whole(world: World, tmp_path: Path) -> None:
    sent = fill(tmp_path / "from" / "a.bin", 3_000_000)
    terminal = Terminal(world, [*FILESEND, "send", str(sent), "--upload-limit", "1M"])
    terminal.wait_for("works once")
    receiver = world.receive(terminal.code, tmp_path / "to")
    receiver.wait_for("download")
    terminal.cut()
    assert receiver.end() == 0, receiver.report()
    assert contents(tmp_path / "to") == contents(tmp_path / "from")
    assert terminal.process.wait(TIMEOUT) == 0


def accept_in_screens(terminal: Terminal, code: str) -> None:
    """Pair with who made the code, and say yes to what they ask."""
    terminal.wait_for("works once")
    terminal.type(b"\r")
    terminal.wait_for("Esc")
    terminal.type(code.encode() + b"\r")
    terminal.wait_for("asks: ")
    terminal.press(b"\x1bOQ", "wants to send you")
    terminal.press(b"\r", "MB/s")


@pytest.mark.parametrize("way", WAYS)
def test_the_screens_end_and_what_they_receive_arrives_whole(
    world: World, tmp_path: Path, way: str
) -> None:
    sent = fill(tmp_path / "from" / "a.bin", 5_000_000)
    sender, code = world.send(sent, "--upload-limit", "1M")
    log = tmp_path / "log"
    command = [*FILESEND, "-o", str(tmp_path / "to"), "--name", "Bob"]
    command += ["--log-file", str(log), "--log-level", "info"]
    with state_of(world, "Bob"):
        terminal = Terminal(world, through(way, tmp_path, command), leads=way != "setsid")
    accept_in_screens(terminal, code)
    terminal.cut()
    assert sender.end() == 0, sender.report()
    assert contents(tmp_path / "to") == contents(tmp_path / "from")
    assert terminal.all_gone()
    assert "1 transfer will be finished without it" in log.read_text()
    assert "everything is finished" in log.read_text()
    assert "Traceback" not in log.read_text()


def test_a_tmux_that_is_killed_costs_the_screens_alone(world: World, tmp_path: Path) -> None:
    assert shutil.which("tmux"), "install tmux to run these tests"
    sent = fill(tmp_path / "from" / "a.bin", 5_000_000)
    sender, code = world.send(sent, "--upload-limit", "1M")
    with state_of(world, "Bob"):
        screen = Screen(world, "Bob", tmp_path / "to", 80, 24)
    screen.code()  # it is connected
    screen.type(code)
    screen.press("Enter")
    look(screen)
    screen.wait_for("MB/s", press="Enter")
    screen.kill()
    assert sender.end() == 0, sender.report()
    assert contents(tmp_path / "to") == contents(tmp_path / "from")


def test_a_relay_of_ones_own_goes_on_until_all_is_finished(
    lost_world: World, tmp_path: Path
) -> None:
    """And no longer."""
    sent = fill(tmp_path / "from" / "a.bin", 3_000_000)
    terminal = Terminal(lost_world, [*FILESEND, "send", str(sent), "--upload-limit", "1M"])
    terminal.wait_for("works once")
    with state_of(lost_world, "Bob"):
        receiver = lost_world.receive(terminal.code, tmp_path / "to")
    receiver.wait_for("download")
    terminal.cut()
    assert receiver.end() == 0, receiver.report()
    assert contents(tmp_path / "to") == contents(tmp_path / "from")
    assert terminal.process.wait(TIMEOUT) == 0
    assert lost_world.leftovers() == []


def test_the_screens_are_findable_and_do_not_spin_without_a_terminal(
    world: World, tmp_path: Path
) -> None:
    """They wait for who is away; SIGTERM ends them, and both can be resumed."""
    sent = fill(tmp_path / "from" / "a.bin", 20_000_000)
    sender, code = world.send(sent, "--upload-limit", "1M")
    command = [*FILESEND, "-o", str(tmp_path / "to"), "--name", "Bob"]
    with state_of(world, "Bob"):
        terminal = Terminal(world, command)
    accept_in_screens(terminal, code)
    terminal.cut()
    sender.kill()
    screens = psutil.Process(terminal.process.pid)
    assert screens.cpu_percent(3.0) < SPINNING
    with state_of(world, "Bob"):
        shown = world.start("resume", "--list", "--json")
        assert shown.end() == 0
        unfinished = shown.wait_for("unfinished")
        assert (unfinished["running"], unfinished["pid"]) == (True, screens.pid)
        screens.terminate()
        assert screens.wait(TIMEOUT) == 130
        receiver = world.start("resume", "--json")
    sender = world.start("resume", "--json")
    assert (sender.end(), receiver.end()) == (0, 0), sender.report() + receiver.report()
    assert contents(tmp_path / "to") == contents(tmp_path / "from")


def test_the_screens_told_to_stop_stop_and_can_be_resumed(world: World, tmp_path: Path) -> None:
    sent = fill(tmp_path / "from" / "a.bin", 10_000_000)
    sender, code = world.send(sent, "--upload-limit", "1M")
    command = [*FILESEND, "--on-hangup", "stop", "-o", str(tmp_path / "to"), "--name", "Bob"]
    with state_of(world, "Bob"):
        terminal = Terminal(world, command)
        accept_in_screens(terminal, code)
        terminal.cut()
        terminal.process.wait(SOON)
        sender.wait_for("partnerAway")
        again = world.start("resume", "--json")
    assert (sender.end(), again.end()) == (0, 0), sender.report() + again.report()
    assert contents(tmp_path / "to") == contents(tmp_path / "from")


def test_it_waits_without_spinning(world: World, tmp_path: Path) -> None:
    """For a partner who is away, and nobody sees it: SIGTERM ends it, and it can be resumed."""
    sent = fill(tmp_path / "from" / "a.bin", 20_000_000)
    terminal = Terminal(world, [*FILESEND, "send", str(sent), "--upload-limit", "1M"])
    terminal.wait_for("works once")
    with state_of(world, "Bob"):
        receiver = world.receive(terminal.code, tmp_path / "to")
    receiver.wait_for("download")
    terminal.cut()
    receiver.kill()
    sender = psutil.Process(terminal.process.pid)
    assert sender.cpu_percent(3.0) < SPINNING
    for asked in (("history",), ("resume", "--list")):
        shown = world.start(*asked)
        assert shown.end() == 0
        shown.wait_for_line(
            f"a.bin (1 file, 20 MB) to Bob; it is under way, in process {sender.pid}"
        )
    sender.terminate()
    assert sender.wait(TIMEOUT) == 130
    both = [world.start("resume", "--json")]
    with state_of(world, "Bob"):
        both.append(world.start("resume", "--json"))
    assert [each.end() for each in both] == [0, 0], both[0].report() + both[1].report()
    assert contents(tmp_path / "to") == contents(tmp_path / "from")


def test_told_to_stop_it_stops_and_can_be_resumed(world: World, tmp_path: Path) -> None:
    sent = fill(tmp_path / "from" / "a.bin", 10_000_000)
    sender, code = world.send(sent, "--upload-limit", "1M")
    command = [*FILESEND, "receive", code, "--yes", "-o", str(tmp_path / "to")]
    with state_of(world, "Bob"):
        command += ["--on-hangup", "stop"]
        terminal = Terminal(world, through("make", tmp_path, command))
        terminal.wait_for("Receiving")
        terminal.cut()
        terminal.process.wait(SOON)
        sender.wait_for("partnerAway")
        again = world.start("resume", "--json")
    assert again.end() == 0, again.report()
    assert sender.end() == 0, sender.report()
    assert contents(tmp_path / "to") == contents(tmp_path / "from")


def test_a_share_is_served_until_nobody_takes_it(world: World, tmp_path: Path) -> None:
    sent = fill(tmp_path / "from" / "a.bin", 3_000_000)
    terminal = Terminal(world, [*FILESEND, "seed", str(sent), "--upload-limit", "1M"])
    terminal.wait_for("dn=a.bin")
    magnet = next(line for line in terminal.seen.splitlines() if line.startswith("magnet:"))
    taker = world.start("download", magnet, "--json", "-o", tmp_path / "to")
    taker.wait_for("download")
    terminal.cut()
    assert taker.end() == 0, taker.report()
    assert contents(tmp_path / "to") == contents(tmp_path / "from")
    assert terminal.process.wait(TIMEOUT) == 0


def test_a_download_is_finished(world: World, tmp_path: Path) -> None:
    sent = fill(tmp_path / "from" / "a.bin", 3_000_000)
    seeder = world.start("seed", sent, "--json", "--upload-limit", "1M")
    magnet = seeder.wait_for("seeding")["magnetURI"]
    terminal = Terminal(world, [*FILESEND, "download", magnet, "-o", str(tmp_path / "to")])
    terminal.wait_for("a.bin: ")
    terminal.cut()
    assert terminal.process.wait(TIMEOUT) == 0
    assert contents(tmp_path / "to") == contents(tmp_path / "from")


def test_bytes_that_are_no_text_do_not_end_it(world: World) -> None:
    """A binary file that was pasted, or a key of a terminal that speaks Latin-1."""
    terminal = Terminal(world, FILESEND)
    terminal.wait_for("works once")
    terminal.type(b"\r")
    terminal.wait_for("Esc")
    terminal.type(b"7-\xff\x96apple")
    terminal.wait_for("\N{REPLACEMENT CHARACTER}")
    terminal.wait_for("apple")
    terminal.type(b"\x1b")
    terminal.wait_for("Quit")  # drawn anew once the field is left: before it, "q" is alt+q
    terminal.type(b"q")
    assert terminal.end() == 0
    assert "Traceback" not in terminal.seen
