"""A secure connection as a byte stream, with bulk frames beside it.

Two threads per channel read and write, so that bulk bytes bypass the event loop: they go from
the sender's `fill`, through what protects them, into the buffers of the receiver's sink.
Everything else is the byte stream of a Channel. Making the connection is each kind's own; nothing
about torrents ever lives here.

On the wire (inside what protects it) both are frames: four bytes, big-endian, of which the highest
bit marks bulk and the rest is the number of bytes that follow; a bulk frame's tag precedes its
bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.base import Abuse, BulkSink, ChannelAbused, Slowing
from filesend_tui.core.transports.secure_connection import ConnectionBroken, SecureConnection
from filesend_tui.core.util.own_address import until_lost

#: Most bytes of one frame of the byte stream.
MAX_FRAME: Final = 1024 * 1024
#: Most bytes of one bulk frame, and of its tag.
MAX_BULK: Final = 1024 * 1024
TAG: Final = 8
#: Bytes queued at which `send` and `send_bulk` wait, and at which the latter goes on. Bulk is read
#: when it is sent: the queue costs no memory, and keeps the thread busy while the event loop is.
HIGH_WATER: Final = 256 * 1024
BULK_HIGH_WATER: Final = 16 * 1024 * 1024
BULK_LOW_WATER: Final = 8 * 1024 * 1024
#: Unread bytes of the stream at which reading the socket pauses: TCP's flow control stops the peer.
UNREAD_LIMIT: Final = 1024 * 1024
#: Most bytes handed out by one `receive`.
TAKE: Final = 256 * 1024
#: Timeout in seconds for queued bytes to arrive at closing.
LINGER: Final = 3.0

_HEAD: Final = struct.Struct(">I")
_BULK: Final = 1 << 31

log = logging.getLogger(__name__)


class _Part:
    """A queued bulk frame."""

    __slots__ = ("fill", "length", "tag")

    def __init__(self, tag: bytes, length: int, fill: Callable[[memoryview], None]) -> None:
        self.tag = tag
        self.length = length
        self.fill = fill


class FramedChannel:
    """A BulkChannel over a secure connection; see transports/base.py.

    Args:
        link: Open; this channel owns it.
        road: What carries it, as a word for people.
    """

    def __init__(self, link: SecureConnection, road: str) -> None:
        self.road = road
        self._link = link
        self._loop = asyncio.get_running_loop()
        self.address = link.address
        self._sink: BulkSink | None = None
        self._changed = threading.Condition()
        # Guarded by _changed from here on.
        self._small: deque[bytes] = deque()
        self._parts: deque[_Part] = deque()
        self._small_bytes = 0
        self._bulk_bytes = 0
        self._unread: deque[bytes] = deque()
        self._unread_bytes = 0
        self._failure: ChannelFailed | None = None
        self._ended = False
        self._finishing = False
        # Used on the event loop only.
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._waiting: list[Callable[[], bool]] = []
        self._threads_left = 2
        self._writer_done = asyncio.Event()
        self._all_done = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None
        self._watching = asyncio.create_task(self._watch_address())
        link.go_blocking()
        self._threads = [
            threading.Thread(target=self._run, args=(work,), name=f"filesend-{name}", daemon=True)
            for name, work in (("tls-in", self._read), ("tls-out", self._write))
        ]
        for thread in self._threads:
            thread.start()

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more: closed by either side, or failed."""
        return self._ended or self._failure is not None or self._closing is not None

    # -- the byte stream

    async def send(self, data: bytes) -> None:
        """Queue bytes; see Channel.send."""
        self._check_open()
        with self._changed:
            for start in range(0, len(data), MAX_FRAME):
                self._small.append(data[start : start + MAX_FRAME])
            self._small_bytes += len(data)
            self._changed.notify_all()
        if self._small_bytes >= HIGH_WATER:
            await self._wait_for(self._room_for_small)

    async def receive(self) -> bytes:
        """Return the next bytes, at most TAKE of them; see Channel.receive."""
        while True:
            self._arrived.clear()
            if data := self._take():
                return data
            if self._failure is not None:
                raise self._failure
            if self._ended or self._closing:
                return b""
            await self._arrived.wait()

    def _take(self) -> bytes:
        taken: list[bytes] = []
        size = 0
        with self._changed:
            while self._unread and (not taken or size + len(self._unread[0]) <= TAKE):
                taken.append(self._unread.popleft())
                size += len(taken[-1])
            self._unread_bytes -= size
            self._changed.notify_all()
        return b"".join(taken)

    # -- bulk

    def take_bulk(self, sink: BulkSink) -> None:
        """Set the sink of bulk; see BulkChannel."""
        self._sink = sink

    async def send_bulk(self, tag: bytes, length: int, fill: Callable[[memoryview], None]) -> None:
        """Queue a bulk frame; see BulkChannel."""
        if len(tag) != TAG or not 0 < length <= MAX_BULK:
            raise ValueError("that is no bulk frame")
        self._check_open()
        with self._changed:
            self._parts.append(_Part(tag, length, fill))
            self._bulk_bytes += length
            self._changed.notify_all()
        if self._bulk_bytes >= BULK_HIGH_WATER:
            # Several parts at a time: each wake-up of the event loop costs.
            await self._wait_for(self._room_for_bulk)

    def _room_for_small(self) -> bool:
        return self._small_bytes < HIGH_WATER

    def _room_for_bulk(self) -> bool:
        return self._bulk_bytes <= BULK_LOW_WATER

    async def _wait_for(self, room: Callable[[], bool]) -> None:
        self._waiting.append(room)
        try:
            while True:
                self._room.clear()
                if room():
                    return
                await self._room.wait()
                self._check_open()
        finally:
            self._waiting.remove(room)

    @property
    def slowed(self) -> Slowing | None:
        """What a server in between makes its bytes wait for; None where nothing does."""
        return self._link.slowed

    # -- the end

    async def close(self) -> None:
        """Deliver queued bytes, if the peer reads them within LINGER seconds; free everything."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._shut())
            self._arrived.set()
            self._room.set()
        await asyncio.shield(self._closing)

    async def _shut(self) -> None:
        with self._changed:
            self._finishing = True
            self._parts.clear()
            self._unread.clear()
            self._unread_bytes = 0
            self._changed.notify_all()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                # Bytes in flight must be read: unread ones reset TCP, and our last bytes are lost.
                await self._writer_done.wait()
                await self._all_done.wait()
        self._link.sever()
        await self._all_done.wait()
        self._link.close()
        await self._link.freed()

    async def _watch_address(self) -> None:
        await until_lost(self._link.own_name)
        self._fail(ChannelFailed("This machine's address changed."))

    def _check_open(self) -> None:
        if self.closed:
            raise self._failure or ChannelFailed("The connection to a peer is closed.")

    def _fail(self, failure: ChannelFailed) -> None:
        """Fail the channel; from any thread."""
        with self._changed:
            if self._failure is None and not self._finishing:
                self._failure = failure
            self._finishing = True
            self._small.clear()
            self._parts.clear()
            self._changed.notify_all()
        self._link.sever()

    # -- threads

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except ChannelAbused as abuse:
            self._fail(abuse)
        except (OSError, ssl.SSLError):
            self._fail(ChannelFailed("The connection to a peer was lost."))
        except Exception as error:
            log.debug("a channel broke", exc_info=True)
            self._fail(
                error
                if isinstance(error, ChannelFailed)
                else ChannelFailed("The connection to a peer broke down.")
            )
        self._tell(self._thread_ended, work)

    def _tell(self, call: Callable[..., object], *args: object) -> None:
        """Call something on the event loop, unless that is closed."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call, *args)

    def _thread_ended(self, work: Callable[[], None]) -> None:
        if work == self._write:
            self._writer_done.set()
        self._threads_left -= 1
        if not self._threads_left:
            self._watching.cancel()
            self._all_done.set()
        self._arrived.set()
        self._room.set()

    def _write(self) -> None:
        buffer = memoryview(b"")
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._small or self._parts or self._finishing)
                # Small messages never wait for more than one part.
                small, self._small = self._small, deque()
                part = None if small or not self._parts else self._parts.popleft()
            if small:
                self._link.write(
                    b"".join(piece for data in small for piece in (_HEAD.pack(len(data)), data))
                )
                self._sent(small=sum(map(len, small)))
            elif part is not None:
                if len(buffer) < part.length:
                    buffer = memoryview(bytearray(part.length))
                part.fill(buffer[: part.length])
                head = _HEAD.pack(_BULK | part.length) + part.tag
                self._link.write(head, buffer[: part.length])
                self._sent(bulk=part.length)
            else:
                if self._failure is None:  # else the other side would take it for a clean end
                    self._link.say_farewell()
                return

    def _sent(self, *, small: int = 0, bulk: int = 0) -> None:
        with self._changed:
            self._small_bytes -= small
            self._bulk_bytes -= bulk
        # A waiter that is added just now checks once more after it was added.
        if any(room() for room in tuple(self._waiting)):
            self._tell(self._room.set)

    def _read(self) -> None:
        head = memoryview(bytearray(_HEAD.size))
        tag = memoryview(bytearray(TAG))
        while self._fill(head, may_end=True):
            (word,) = _HEAD.unpack(head)
            length = word & ~_BULK
            if word & _BULK:
                if not 0 < length <= MAX_BULK:
                    raise _endless()
                self._fill(tag)
                self._read_bulk(bytes(tag), length)
            else:
                if not 0 < length <= MAX_FRAME:
                    raise _endless()
                data = bytearray(length)
                self._fill(memoryview(data))
                self._keep(bytes(data))
        with self._changed:
            self._ended = True
        # Nothing that is queued is of use any more.
        self._tell(self._arrived.set)

    def _fill(self, view: memoryview, *, may_end: bool = False) -> bool:
        """Fill the view; return False at the end of the stream, if `may_end`."""
        count = 0
        while count < len(view):
            part = self._link.read_into(view[count:])
            if not part:
                if may_end and not count:
                    return False
                raise ConnectionBroken("it left in the middle of a frame")
            count += part
        return True

    def _read_bulk(self, tag: bytes, length: int) -> None:
        sink = self._sink
        if sink is None:
            raise ChannelAbused("A peer sent what nobody asked for.", Abuse.UNASKED_BULK)
        at = 0
        while at < length:
            view = sink.space(tag, at, length - at)
            self._fill(view)
            at += len(view)
            sink.filled(len(view))

    def _keep(self, data: bytes) -> None:
        with self._changed:
            if self._finishing:
                return
            news = not self._unread
            self._unread.append(data)
            self._unread_bytes += len(data)
        if news:  # else the event is set: frames may be tiny and very many
            self._tell(self._arrived.set)
        with self._changed:
            self._changed.wait_for(lambda: self._unread_bytes <= UNREAD_LIMIT or self._finishing)


def _endless() -> ChannelAbused:
    return ChannelAbused("A peer sent a message that is too long.", Abuse.ENDLESS_MESSAGE)
