"""Programs that got to a port first, and keep whoever asks there waiting."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Squatter:
    """Where it listens, and how many came so far."""

    port: int
    came: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    over: threading.Event = field(default_factory=threading.Event)


def silent(_: int) -> bytes | None:
    """Accepts, and says nothing."""
    return None


def dribble(number: int) -> bytes:
    """An answer that is right so far, a byte at a time, for ever."""
    return (b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n" + b"{" * 1_000_000)[number:][:1]


def headers(number: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\n" if number == 0 else b"x-%d: y\r\n" % number


def body(number: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\n\r\n" if number == 0 else b"x"


def informational(number: int) -> bytes:
    return b"HTTP/1.1 102 Processing\r\n\r\n"


#: Each with the seconds between two of its words: what it says must last.
KINDS = {
    silent: 0.1,
    dribble: 0.5,
    headers: 0.005,
    body: 0.005,
    informational: 0.005,
}


@contextmanager
def squatting(kind: object) -> Iterator[Squatter]:
    """Have a squatter of this kind on a free port of this machine."""
    pause = KINDS[kind]  # type: ignore[index]
    with socket.create_server(("127.0.0.1", 0)) as server:
        squatter = Squatter(server.getsockname()[1])

        def talk(caller: socket.socket) -> None:
            squatter.came.release()
            with caller, contextlib.suppress(OSError):
                for number in itertools.count():
                    words = kind(number)  # type: ignore[operator]
                    if words is not None:
                        caller.sendall(words)
                    if squatter.over.wait(pause):
                        return

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    caller, _ = server.accept()
                    threading.Thread(target=talk, args=(caller,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield squatter
        finally:
            squatter.over.set()
            # A close alone does not wake whoever waits in accept.
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            time.sleep(0)
