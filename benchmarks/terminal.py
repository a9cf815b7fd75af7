"""A program in a pseudo-terminal of its own: what it draws, how much, and when."""

from __future__ import annotations

import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, Self

import psutil

from benchmarks.processes import Failed

COLUMNS: Final = 120
LINES: Final = 40
_ENDING_SECONDS: Final = 10.0
_REPORTED: Final = 300


class Terminal:
    """A program in a pseudo-terminal, and a context manager that ends it."""

    def __init__(self, command: Iterable[str | Path], environment: Mapping[str, str]) -> None:
        if sys.platform == "win32":
            raise Failed("this system has no pseudo-terminals")
        import fcntl
        import pty
        import termios

        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        kept = {k: v for k, v in environment.items() if not k.startswith("SSH_")}
        self.began = time.perf_counter()
        self._process = subprocess.Popen(
            [str(word) for word in command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env=kept | {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
            cwd=Path(__file__).parent.parent,
        )
        os.close(slave)
        self._seen = psutil.Process(self._process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        deadline = time.monotonic() + _ENDING_SECONDS
        while self._process.poll() is None:
            if time.monotonic() > deadline:
                self._process.kill()
            self._read(0.05)
        os.close(self._master)

    def wait_for(self, text: str, seconds: float) -> float:
        """Return when this text was drawn (time.perf_counter), without a change of style in it."""
        drawn = b""
        deadline = time.perf_counter() + seconds
        while True:
            drawn += self._read(0.25)
            now = time.perf_counter()
            if text.encode() in drawn:
                return now
            if self._process.poll() is not None or now > deadline:
                raise Failed(f"{text!r} was not drawn: {drawn[-_REPORTED:]!r}")

    def watch(self, seconds: float) -> tuple[float, float]:
        """Return the share of a core used, and the bytes a second drawn, over the next seconds."""
        count = 0
        began, cpu = time.perf_counter(), self._cpu()
        while (left := began + seconds - time.perf_counter()) > 0:
            count += len(self._read(left))
        passed = time.perf_counter() - began
        return (self._cpu() - cpu) / passed, count / passed

    def _cpu(self) -> float:
        times = self._seen.cpu_times()
        return float(times.user + times.system)

    def _read(self, seconds: float) -> bytes:
        if not select.select([self._master], [], [], seconds)[0]:
            return b""
        try:
            return os.read(self._master, 1 << 16)
        except OSError:  # on Linux EIO, once the program has ended
            time.sleep(min(seconds, 0.05))
            return b""
