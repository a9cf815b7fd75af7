"""`python -m tests.security.flooder URL ADDRESS`: one address at its limit, as fast as it can.

A process of its own, so that it costs the relay's loop and nobody else's. It opens as many sockets
as it gets, says words, announces, pings and empty frames on all of them, reads what comes, and
opens another where one was ended. Prints `flooding` once it does, and runs until it is killed.
"""

from __future__ import annotations

import itertools
import selectors
import socket
import sys
import time
from urllib.parse import urlsplit

from tests.security.raw import PING, TEXT, announce, frame

SOCKETS = 200
_OFFERS = [{"offer_id": f"{n}".ljust(20), "offer": {"type": "offer", "sdp": ""}} for n in range(5)]
#: What is said on a socket over and over, by its path.
SAID = {
    "/socket.io/?EIO=4&transport=websocket": (
        frame(TEXT, b"40"),
        frame(TEXT, b'421["message",{"room":"' + b"0" * 32 + b'","body":"' + b"A" * 680 + b'"}]')
        * 20,
    ),
    "/announce": (b"", frame(TEXT, announce("flood", "flood", offers=_OFFERS)) * 10),
    "/": (b"", frame(PING, b"x" * 100) * 50),
}


class Flood:
    """One socket: its handshake, its first words, then the same for ever."""

    def __init__(self, where: tuple[str, int], path: str, address: str) -> None:
        self._first, self._over_and_over = SAID[path]
        self.sock = socket.create_connection(where)
        head = (
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nX-Forwarded-For: {address}\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        self.sock.setblocking(False)
        self._waiting = head.encode()
        self._taken = False

    def go_on(self) -> bool:
        """Read and write what is possible; False where it was ended."""
        try:
            while self.sock.recv(65536):
                if not self._taken:
                    self._taken, self._waiting = True, self._first
            return False
        except BlockingIOError:
            pass
        except OSError:
            return False
        try:
            if not self._waiting and self._taken:
                self._waiting = self._over_and_over
            self._waiting = self._waiting[self.sock.send(self._waiting) :]
        except BlockingIOError:
            pass
        except OSError:
            return False
        return True


def main(url: str, address: str) -> None:
    parts = urlsplit(url)
    assert parts.hostname and parts.port
    where = (parts.hostname, parts.port)
    paths = itertools.cycle(SAID)
    selector = selectors.DefaultSelector()
    floods = 0
    while True:
        if floods < SOCKETS:
            try:
                flood = Flood(where, next(paths), address)
            except OSError:
                time.sleep(0.01)
            else:
                selector.register(flood.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, flood)
                floods += 1
                if floods == SOCKETS // 2:
                    print("flooding", flush=True)
        for key, _ in selector.select(0.01):
            if not key.data.go_on():
                selector.unregister(key.fileobj)
                key.data.sock.close()
                floods -= 1


if __name__ == "__main__":
    main(*sys.argv[1:])
