"""Measured child processes: their output and its times, their processor time and memory.

Plain threads and pipes: nothing here shares an event loop, an interpreter or a lock with the
measured process.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import psutil

_REPORTED_LINES: Final = 12
_ENDING_SECONDS: Final = 10.0
_ROOT: Final = Path(__file__).parent.parent

T = TypeVar("T")


class Failed(Exception):
    """A measurement could not be taken; the text says why."""


class Program:
    """A running child process and context manager; at the end it is killed if it still runs.

    Args:
        command: What runs.
        environment: Its environment; this process's if None.
        folder: Where it runs.
        output: A descriptor that its standard output goes to, instead of being read here.
    """

    def __init__(
        self,
        command: Iterable[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        output: int = subprocess.PIPE,
    ) -> None:
        self.command = [str(word) for word in command]
        self._process = subprocess.Popen(
            self.command,
            env=dict(os.environ if environment is None else environment),
            cwd=folder or _ROOT,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.PIPE,
        )
        self._seen = psutil.Process(self._process.pid)
        self._lines: list[tuple[float, str]] = []
        self._said = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(stream,), daemon=True)
            for stream in (self._process.stdout, self._process.stderr)
            if stream is not None
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def wait_for(self, match: Callable[[str], T | None], seconds: float) -> tuple[float, T]:
        """Return when a line matched (by time.perf_counter) and the result of `match`.

        Lines end at a newline or a carriage return. Raises Failed if the process ends first or at
        the timeout.
        """
        deadline = time.perf_counter() + seconds
        looked_at = 0
        while True:
            with self._said:
                while looked_at == len(self._lines):
                    over = not any(reader.is_alive() for reader in self._readers)
                    if over or time.perf_counter() > deadline:
                        state = "ended" if over else f"said nothing fit in {seconds:.0f} s"
                        raise Failed(f"{self._short()} {state}: {self.report()}")
                    self._said.wait(0.25)
                when, line = self._lines[looked_at]
            looked_at += 1
            if (found := match(line)) is not None:
                return when, found

    def write(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def feed(self, blocks: Iterable[memoryview]) -> None:
        """Write bytes to its standard input, and end that."""
        assert self._process.stdin is not None
        descriptor = self._process.stdin.fileno()
        for block in blocks:
            done = 0
            while done < len(block):
                done += os.write(descriptor, block[done:])
        self._process.stdin.close()

    def cpu(self) -> float:
        """Return the processor seconds of all its threads so far."""
        try:
            times = self._seen.cpu_times()
        except psutil.Error as error:
            raise Failed(f"{self._short()} ended before it was measured") from error
        return float(times.user + times.system)

    def peak(self) -> int:
        """Return the peak resident set in bytes; on systems other than Linux, the current one."""
        try:
            for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM"):
                    return int(line.split()[1]) * 1024
        except OSError:
            pass
        with contextlib.suppress(psutil.Error):
            return int(self._seen.memory_info().rss)
        return 0

    def end(self, seconds: float = _ENDING_SECONDS) -> None:
        """Wait until it ends by itself. Raises Failed where it does not, or fails."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self._short()} does not end: {self.report()}") from None
        if code:
            raise Failed(f"{self._short()} ended with {code}: {self.report()}")

    def kill(self) -> None:
        """Kill it and free everything."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_ENDING_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for reader in self._readers:
            reader.join(1)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    @property
    def lines(self) -> list[str]:
        """All lines of its output so far."""
        with self._said:
            return [line for _, line in self._lines]

    def report(self) -> str:
        """Return the last lines of its output."""
        with self._said:
            lines = [line[:300] for _, line in self._lines[-_REPORTED_LINES:]]
        return " | ".join(lines) or "it said nothing"

    def _short(self) -> str:
        return " ".join(Path(word).name if "/" in word else word for word in self.command)[-120:]

    def _read(self, stream: Any) -> None:
        rest = b""
        descriptor = stream.fileno()
        while chunk := _read(descriptor):
            now = time.perf_counter()
            *lines, rest = (rest + chunk.replace(b"\r", b"\n")).split(b"\n")
            with self._said:
                self._lines += [(now, line.decode(errors="replace")) for line in lines if line]
                self._said.notify_all()
        with self._said:
            if rest:
                self._lines.append((time.perf_counter(), rest.decode(errors="replace")))
            self._said.notify_all()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # closed by kill()
        return b""


def python(module: str, *arguments: str | Path, interpreter: str = sys.executable) -> list[str]:
    """Return the command line that runs a Python module of this repository."""
    return [interpreter, "-m", module, *map(str, arguments)]
