"""A child process that speaks JSON, an object a line, both ways: how every real peer is driven."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Line = dict[str, Any]
Match = Callable[[Line], bool]


class PeerFailed(AssertionError):
    """A process said that it failed, ended, or did not say in time what was waited for."""


class LineProcess:
    """One process. Lines are kept, so what was said before anybody waited for it is not missed.

    Args:
        name: For messages.
        argv: What to run.
        env: Its whole environment; None inherits this one's.
        log: Where its stderr goes; shown when it fails.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.lines: list[Line] = []
        self._log = log
        self._news = threading.Condition()
        self._ended = False
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(
                [str(part) for part in argv],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=env,
            )
        self._reader = threading.Thread(target=self._read, name=name, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def say(self, line: str) -> None:
        """Write one line to it."""
        assert self._process.stdin
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def tell(self, **command: object) -> None:
        """Write one object to it."""
        self.say(json.dumps(command))

    def wait(self, match: Match | str, timeout: float, *, after: int = 0) -> Line:
        """Return the first line, from the `after`th on, that matches or is of this event.

        Raises:
            PeerFailed: It did not come in `timeout` seconds, or the process ended or failed first.
        """
        wanted: Match = match if callable(match) else lambda line: line["event"] == match
        deadline = time.monotonic() + timeout
        seen = after
        with self._news:
            while True:
                for line in self.lines[seen:]:
                    if wanted(line):
                        return line
                    if line["event"] == "failed":
                        raise self._failure(f"failed: {line}")
                seen = len(self.lines)
                if self._ended:
                    raise self._failure("ended")
                if not self._news.wait(deadline - time.monotonic()) and seen == len(self.lines):
                    raise self._failure(f"did not say {match} in {timeout:.0f} s")

    def interrupt(self, timeout: float = 15) -> int:
        """End it as Ctrl-C does; return its exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._join(timeout)

    def close(self, timeout: float = 15) -> int:
        """End it by ending its standard input; return its exit code."""
        assert self._process.stdin
        if self._process.poll() is None:
            self._process.stdin.close()
        return self._join(timeout)

    def _join(self, timeout: float) -> int:
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise self._failure("did not end") from None
        finally:
            self._reader.join(timeout)

    def _read(self) -> None:
        assert self._process.stdout
        for text in self._process.stdout:
            with self._news:
                self.lines.append(_parse(text))
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def report(self) -> str:
        """The last that it said, on both streams."""
        tail = self._log.read_text(errors="replace")[-3000:]
        said = "\n".join(json.dumps(line)[:300] for line in self.lines[-12:])
        return f"--- {self.name} said\n{said}\n--- its stderr\n{tail}"

    def _failure(self, what: str) -> PeerFailed:
        return PeerFailed(f"{self.name} {what}\n{self.report()}")


def _parse(text: bytes) -> Line:
    if text.startswith(b"{"):
        line: Line = json.loads(text)
        return line
    return {"event": "text", "text": text.decode(errors="replace").rstrip()}
