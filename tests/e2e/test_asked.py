"""A person at a terminal is asked before anything is taken."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import TIMEOUT, Filesend, World, contents, digest, fill

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("swarms"),
    pytest.mark.skipif(
        sys.platform == "win32", reason="Windows has no pseudo-terminals like these"
    ),
]


class Terminal:
    """A pseudo-terminal with a person at it."""

    def __init__(self) -> None:
        self._master, self.end = os.openpty()
        self._seen = b""
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                chunk = os.read(self._master, 4096)
            except OSError:
                return
            with self._changed:
                self._seen += chunk
                self._changed.notify_all()

    @property
    def seen(self) -> str:
        return self._seen.decode(errors="replace")

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + TIMEOUT
        with self._changed:
            while text not in self.seen:
                assert self._changed.wait(deadline - time.monotonic()), f"{text!r}: {self.seen}"

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def close(self) -> None:
        os.close(self.end)
        os.close(self._master)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


QUESTION = "Take [a]ll, [n]one"


@pytest.fixture
def album(tmp_path: Path) -> Path:
    for name in ("a.txt", "b.txt", "c.txt"):
        fill(tmp_path / "from" / "album" / name, 50_000)
    return tmp_path / "from" / "album"


def receive(world: World, terminal: Terminal, output: Path) -> Filesend:
    return world.start(
        "receive", "-o", output, stdin=terminal.end, stdout=terminal.end, stderr=terminal.end
    )


def asked(world: World, terminal: Terminal, album: Path, output: Path) -> tuple[Filesend, Filesend]:
    """Pair by typing the code, up to the question."""
    sender, code = world.send(album)
    receiver = receive(world, terminal, output)
    terminal.wait_for("The other person's code:")
    terminal.type(f"{code}\n")
    terminal.wait_for(QUESTION)
    return sender, receiver


def test_yes(world: World, terminal: Terminal, album: Path, tmp_path: Path) -> None:
    sender, receiver = asked(world, terminal, album, tmp_path / "to")
    for told in ("Ann wants to send 3 files, 150 kB:", "album/b.txt", str(tmp_path / "to"), "free"):
        terminal.wait_for(told)
    terminal.type("a\n")
    assert (receiver.end(), sender.end()) == (0, 0), terminal.seen
    assert contents(tmp_path / "to") == contents(tmp_path / "from")
    assert "100%" in terminal.seen, "a bar was drawn"
    terminal.wait_for(str(tmp_path / "to" / "album"))


def test_no(world: World, terminal: Terminal, album: Path, tmp_path: Path) -> None:
    sender, receiver = asked(world, terminal, album, tmp_path / "to")
    terminal.type("n\n")
    assert (receiver.end(), sender.end()) == (3, 3), terminal.seen
    assert sender.error_codes() == ["declined"]
    assert sender.phases() == ["asked", "declined"]
    assert terminal.seen.count("You declined.") == 1
    assert "Error" not in terminal.seen, "who declines made no mistake"
    assert not (tmp_path / "to").exists()


def test_some(world: World, terminal: Terminal, album: Path, tmp_path: Path) -> None:
    sender, receiver = asked(world, terminal, album, tmp_path / "to")
    terminal.type("perhaps\n")
    terminal.type("1,3\n")
    assert (receiver.end(), sender.end()) == (0, 0), terminal.seen
    assert contents(tmp_path / "to") == {
        "album/a.txt": digest(album / "a.txt"),
        "album/c.txt": digest(album / "c.txt"),
    }
    assert sender.wait_for("fileAnswer")["accepted"] == [True, False, True]


def test_the_sender_gives_up_while_the_question_stands(
    world: World, terminal: Terminal, album: Path, tmp_path: Path
) -> None:
    sender, receiver = asked(world, terminal, album, tmp_path / "to")
    sender.signal(signal.SIGINT)
    assert sender.end() == 130, sender.report()
    assert receiver.end() == 1, terminal.seen
    terminal.wait_for("cancelled")
    assert not (tmp_path / "to").exists()


def test_ctrl_c_at_the_question(
    world: World, terminal: Terminal, album: Path, tmp_path: Path
) -> None:
    sender, receiver = asked(world, terminal, album, tmp_path / "to")
    receiver.signal(signal.SIGINT)
    assert receiver.end() == 130, terminal.seen
    assert sender.end() == 1, sender.report()
    assert sender.error_codes() == ["cancelled"]
