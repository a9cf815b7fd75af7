"""A real terminal with `filesend` in it: a tmux of its own, keys in and text out."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from filesend_tui.core.errors import InvalidCode
from filesend_tui.core.sessions.code import parse_code
from filesend_tui.state.settling import SETTLE
from tests.e2e.processes import TIMEOUT, World

#: A code as the card shows it, with or without air between its characters.
CODE = re.compile(r"│\s+(\d(?: ?[\da-z-])+)\s+│")


class Screen:
    """A `filesend` in a tmux of its own, with somebody at the keys; in a shell, if asked for."""

    def __init__(
        self,
        world: World,
        name: str,
        folder: Path,
        width: int,
        height: int,
        *arguments: str,
        shell: bool = False,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._server = f"filesend-{uuid.uuid4().hex[:12]}"
        self._log = world.folder / f"{name}.log"
        command = [sys.executable, "-m", "filesend_tui", "-o", folder, "--log-file", self._log]
        command += arguments
        self._tmux(
            *("-f", "/dev/null", "new-session", "-d", "-s", "screen"),
            *("-x", str(width), "-y", str(height), "-c", str(folder)),
            "sh" if shell else shlex.join(map(str, command)),
            env=world.environment | {"FILESEND_NAME": name, "TERM": "xterm-256color"},
        )
        self._tmux("set-option", "-s", "set-clipboard", "on")
        if shell:
            self.type(shlex.join(map(str, command)))
            self.press("Enter")

    def _tmux(self, *arguments: str, env: dict[str, str] | None = None) -> str:
        told = subprocess.run(
            ["tmux", "-L", self._server, *arguments],
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        return told.stdout

    @property
    def seen(self) -> str:
        return self._tmux("capture-pane", "-p", "-t", "screen")

    @property
    def size(self) -> tuple[int, ...]:
        """Cells across and down, as the terminal has them now."""
        told = self._tmux("display-message", "-p", "-t", "screen", "#{pane_width} #{pane_height}")
        return tuple(map(int, told.split()))

    @property
    def copied(self) -> str:
        """What was copied last by the program: by OSC 52, as over SSH."""
        return self._tmux("show-buffer")

    @property
    def closed(self) -> bool:
        return not self._tmux("list-sessions")

    def type(self, text: str) -> None:
        """Type a text all at once, as a paste into a terminal without bracketed paste does."""
        self._tmux("send-keys", "-t", "screen", "-l", text)

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", "-t", "screen", *keys)

    def until(self, condition: Callable[[], object], what: str, *, press: str = "") -> None:
        """Wait for a condition; with `press`, a key is pressed now and then until it holds."""
        deadline = time.monotonic() + TIMEOUT
        pressed_at = float("-inf")
        while not condition():
            told = self._log.read_text() if self._log.exists() else ""
            assert time.monotonic() < deadline, f"no {what}:\n{self.seen}\n{told}"
            # What comes up by itself hears no key until there was a moment without one.
            if press and time.monotonic() - pressed_at > 2 * SETTLE:
                pressed_at = time.monotonic()
                self.press(press)
            time.sleep(0.3)

    def wait_for(self, text: str, *, press: str = "") -> None:
        self.until(lambda: text in self.seen, repr(text), press=press)

    def code(self) -> str:
        """Return the code on the card, once all of it is drawn: a screen may be caught half-way."""
        read: list[str] = []

        def whole() -> bool:
            match = CODE.search(self.seen)
            with suppress(InvalidCode):
                read.append(parse_code(match[1].replace(" ", "")).text if match else "")
            return bool(read and read[-1])

        self.until(whole, "code")
        return read[-1]

    def quit(self) -> None:
        self.until(lambda: self.closed, "end", press="q")

    def resize(self, width: int, height: int) -> None:
        """Give the terminal another size."""
        self._tmux("resize-window", "-t", "screen", "-x", str(width), "-y", str(height))

    def keep_what_is_printed(self) -> None:
        """Keep the terminal when the program ends, with what it printed then."""
        self._tmux("set-option", "-t", "screen", "remain-on-exit", "on")

    def kill_program(self) -> None:
        """Kill what runs in it, so that it can say and tidy nothing."""
        shell = int(self._tmux("display-message", "-p", "-t", "screen", "#{pane_pid}"))
        there = psutil.Process(shell)
        for process in (there, *there.children(recursive=True)):
            if "filesend_tui" in process.cmdline():
                process.kill()

    def kill(self) -> None:
        self._tmux("kill-server")
