"""Both ends of a stream for tests: sources and targets that a test holds up, lines in memory."""

from __future__ import annotations

import threading
from pathlib import Path

from filesend_tui.core.errors import FileSendError
from filesend_tui.core.torrent.streams.line import StreamLine
from filesend_tui.core.wire.streams.messages import StreamMessage


class Feed:
    """A StreamSource that hands out what it was given; `most` bytes at a time."""

    def __init__(self, data: bytes = b"", *, most: int = 1024 * 1024, ended: bool = True) -> None:
        self._data = memoryview(data)
        self._most = most
        self._changed = threading.Condition()
        self._ended = ended
        self.read = 0
        self.fails: OSError | None = None

    def give(self, data: bytes) -> None:
        """Have more to read."""
        with self._changed:
            self._data = memoryview(bytes(self._data[self.read :]) + data)
            self.read = 0
            self._changed.notify_all()

    def end(self, fails: OSError | None = None) -> None:
        """Have no more to read."""
        with self._changed:
            self.fails = fails
            self._ended = True
            self._changed.notify_all()

    def read_into(self, view: memoryview) -> int:
        with self._changed:
            self._changed.wait_for(lambda: len(self._data) > self.read or self._ended, 60)
            if self.fails is not None:
                raise self.fails
            part = self._data[self.read : self.read + min(self._most, len(view))]
            view[: len(part)] = part
            self.read += len(part)
            return len(part)


class Keep:
    """A StreamTarget that keeps what it gets, as long as its gate is open."""

    def __init__(self, *, open_gate: bool = True) -> None:
        self.got = bytearray()
        self.gate = threading.Event()
        self.fails: FileSendError | None = None
        self.finished = self.discarded = False
        if open_gate:
            self.gate.set()

    def open(self) -> None:
        self.got.clear()

    def write(self, view: memoryview) -> None:
        assert self.gate.wait(60)
        if self.fails is not None:
            raise self.fails
        self.got += view

    def finish(self) -> Path | None:
        self.finished = True
        return None

    def discard(self) -> None:
        self.discarded = True


class Told:
    """An OutflowHost and InflowHost that notes what it is told."""

    def __init__(self) -> None:
        self.failures: list[FileSendError] = []
        self.done = False
        self.arrived = self.written = self.sent = 0

    def stream_sent(self, size: int) -> None:
        self.sent += size

    def stream_received(self, arrived: int, written: int) -> None:
        self.arrived += arrived
        self.written += written

    def stream_done(self, path: Path | None) -> None:
        self.done = True

    def stream_failed(self, error: FileSendError) -> None:
        self.failures.append(error)


class NoChannel:
    """A channel that moves no bulk: all goes as messages."""

    road = "test"


class Host:
    """A LineHost that notes messages; `to`: where they are heard at once."""

    def __init__(self) -> None:
        self.channel = NoChannel()
        self.said: list[StreamMessage] = []
        self.to: StreamLine | None = None
        self.refused = 0

    def send_stream(self, message: StreamMessage) -> int:
        self.said.append(message)
        if self.to is not None and not self.to.heard(message):
            self.refused += 1
        return 0

    def flush(self) -> None:
        pass

    def bulk_arrived(self, size: int) -> None:
        pass

    def bulk_left(self, size: int) -> None:
        pass


def joined(one: object, other: object) -> tuple[StreamLine, StreamLine, Host, Host]:
    """Return the two ends of a line in memory, and what notes their messages."""
    hosts = Host(), Host()
    lines = StreamLine(hosts[0], one), StreamLine(hosts[1], other)  # type: ignore[arg-type]
    hosts[0].to, hosts[1].to = lines[1], lines[0]
    return *lines, *hosts
