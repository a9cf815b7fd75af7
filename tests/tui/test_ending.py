"""Signals that end the app, in a process of its own on a terminal of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("Windows has other ways to end a process", allow_module_level=True)

import pty

#: Runs the app with a scripted client that leaves a file behind when it is destroyed.
PROGRAM = """
import sys
from pathlib import Path
from tests.tui.scripted import ScriptedClient, Stage

class Witness(ScriptedClient):
    async def destroy(self, *, keep=False):
        await super().destroy(keep=keep)
        Path(sys.argv[2]).write_text("kept" if keep else "given up")

stage = Stage(Path(sys.argv[1]))
stage.client = Witness()
stage.app.run()
"""


class OnTerminal:
    """The app in a session of its own, whose terminal is the other end of `screen`."""

    def __init__(self, home: Path) -> None:
        self.witness = home / "destroyed"
        self.screen, terminal = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(home), str(self.witness)],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            cwd=Path(__file__).parents[2],
            env=os.environ | {"TERM": "xterm-256color"},
            preexec_fn=lambda: own_terminal(terminal),  # noqa: PLW1509 - no threads here
        )
        os.close(terminal)

    def wait_for(self, text: str) -> None:
        seen = ""
        deadline = time.monotonic() + 30
        while text not in seen:
            assert time.monotonic() < deadline, seen
            seen += os.read(self.screen, 65536).decode(errors="replace")


def own_terminal(terminal: int) -> None:
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


@pytest.fixture
def running(home: Path) -> Iterator[OnTerminal]:
    app = OnTerminal(home)
    app.wait_for("works once")
    yield app
    app.process.kill()
    app.process.wait()


def test_a_terminal_that_is_closed_ends_the_app(running: OnTerminal) -> None:
    os.close(running.screen)
    running.process.wait(10)
    assert running.witness.exists()


def test_being_told_to_end_restores_the_terminal(running: OnTerminal) -> None:
    running.process.send_signal(signal.SIGTERM)
    running.wait_for("\x1b[?1049l")  # back from the alternate screen
    assert running.process.wait(10) == 0
    assert running.witness.read_text() == "kept"
    os.close(running.screen)
