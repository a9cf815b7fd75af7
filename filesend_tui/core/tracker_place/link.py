"""One WebSocket to one tracker: frames in and out, and what a tracker may cost.

Reconnecting, and what frames mean, is connection.py's and the guests'.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from filesend_tui.core.util.own_address import until_lost
from filesend_tui.core.util.proxies import Proxy
from filesend_tui.core.util.token_bucket import TokenBucket
from filesend_tui.core.util.websocket_client import way_to, websocket_client
from relay.protocol.tracker_json import (
    Announce,
    Answer,
    FrameError,
    ServerFrame,
    encode,
    parse_server_frame,
)

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

#: Largest frame taken from a tracker, in bytes; ours are smaller than 16 KiB.
MAX_FRAME: Final = 64 * 1024
#: Rate limits of a tracker's frames, and of bytes in them: at once, and a second. A room at its
#: fastest sends some hundred a second.
FRAMES: Final = (4_000, 400)
FRAME_BYTES: Final = (32 * 1024 * 1024, 4 * 1024 * 1024)
#: This side's own frames: at once, and a second. Our relay's tracker takes 500 and 50.
OWN_FRAMES: Final = (300, 45)
#: Most frames that wait to be sent.
MAX_WAITING: Final = 4_000
#: Timeouts in seconds for connecting, and for closing.
OPEN_TIMEOUT: Final = 10.0
CLOSE_TIMEOUT: Final = 1.0
# Frames after which the event loop gets a turn: buffered ones are read without suspending.
_TURN: Final = 32

#: Close codes that this side sends for what is no WebSocket's, no text, or too long.
_FAULTS: Final = {1002, 1003, 1007, 1009}

_log = logging.getLogger(__name__)


class Link:
    """One open connection, without reconnect.

    Args:
        socket: Connected.
        on_frame: Called with each frame that makes sense, in order; must not block.

    fault: how the tracker violated the protocol; empty if it did not.
    """

    def __init__(self, socket: ClientConnection, on_frame: Callable[[ServerFrame], None]) -> None:
        self.fault = ""
        self._socket = socket
        self._on_frame = on_frame
        self._waiting: deque[Announce | Answer] = deque()
        self._more = asyncio.Event()
        self._sent = asyncio.Event()
        self._sent.set()
        self._ended = False

    def post(self, frame: Announce | Answer) -> None:
        """Queue a frame; drop it where the tracker does not read."""
        if self._ended:
            return
        if len(self._waiting) >= MAX_WAITING:
            self.fault = self.fault or "does not read what it is sent"
        self._waiting.append(frame)
        self._sent.clear()
        self._more.set()

    async def run(self) -> None:
        """Read and write until the connection ends, for whatever reason."""
        work = (self._read(), self._write(), until_lost(self._socket.local_address))
        tasks = [asyncio.create_task(each) for each in work]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._ended = True
            for task in tasks:
                task.cancel()
            for end in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(end, Exception):
                    _log.error("talking to a tracker brought a fault to light", exc_info=end)
            self._socket.transport.abort() if self.fault else await self._socket.close()

    async def flush(self, timeout: float) -> None:
        """Wait until all is sent, at most so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._sent.wait()

    async def _read(self) -> None:
        from websockets.exceptions import ConnectionClosed

        clock = asyncio.get_running_loop().time
        frames, sizes = TokenBucket(*FRAMES, clock()), TokenBucket(*FRAME_BYTES, clock())
        turn = 0
        try:
            while not self.fault:
                text = await self._socket.recv()
                if not (frames.spend(1, clock()) and sizes.spend(len(text), clock())):
                    self.fault = "says too much at once"
                    return
                try:
                    frame = parse_server_frame(text)
                except FrameError as error:
                    _log.debug("a tracker sent a frame that was ignored: %s", error)
                else:
                    self._on_frame(frame)
                turn += 1
                if turn % _TURN == 0:
                    await asyncio.sleep(0)
        except ConnectionClosed as closed:
            if closed.sent is not None and closed.sent.code in _FAULTS and not closed.rcvd:
                self.fault = "sent what is no message, or is too long"

    async def _write(self) -> None:
        from websockets.exceptions import ConnectionClosed

        clock = asyncio.get_running_loop().time
        own = TokenBucket(*OWN_FRAMES, clock())
        while not self.fault:
            while not self._waiting:
                self._sent.set()
                self._more.clear()
                await self._more.wait()
            while not own.spend(1, clock()):  # noqa: ASYNC110 - a rate is no event
                await asyncio.sleep(1 / OWN_FRAMES[1])
            try:
                await self._socket.send(encode(self._waiting.popleft()))
            except ConnectionClosed:
                return


async def dial(url: str, proxy: Proxy | None, on_frame: Callable[[ServerFrame], None]) -> Link:
    """Connect to a tracker.

    Args:
        url: ws or wss.
        proxy: What it is reached by; None: by nothing.
        on_frame: See Link.

    Raises:
        OSError, ValueError: Nothing answers there, or no WebSocket.
    """
    # In a thread: importing takes its time, and a screen may be drawn meanwhile.
    connect_to, broken = await asyncio.to_thread(_imports)
    try:
        socket = await connect_to(
            url,
            **await way_to(url, proxy),
            compression=None,
            max_size=MAX_FRAME,
            open_timeout=OPEN_TIMEOUT,
            close_timeout=CLOSE_TIMEOUT,
            user_agent_header="FileSend",
        )
    except broken as error:
        raise ConnectionError("no WebSocket answers there") from error
    return Link(socket, on_frame)


def _imports() -> tuple[type, type[Exception]]:
    import cryptography.hazmat.primitives.ciphers.aead
    import cryptography.hazmat.primitives.kdf.hkdf  # noqa: F401 - for seals.py

    return websocket_client()
