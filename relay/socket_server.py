"""A socket.io server that strangers may talk to.

python-socketio as it comes keeps what a slow reader has not read without bound, gathers binary
attachments without bound, keeps sessions of which no client ever comes, and calls the connect
handler for an event of that name. Here is what closes these doors, and nothing of what the relay
does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

import engineio.exceptions
import engineio.packet
import socketio
from engineio.payload import Payload
from socketio.packet import BINARY_ACK, BINARY_EVENT, EVENT, Packet

from relay.limits import Limits, Tally, TokenBucket

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]

# Names that python-socketio gives a meaning of its own when a client emits them.
_RESERVED = frozenset(socketio.AsyncServer.reserved_events) | {"*"}
_LONGEST_NAME = 64
# Packets in one long-polling request, which the frame bounds in bytes. The library's 16 is fewer
# than a busy client queues, and what is refused here is lost without a word.
_POLLED_PACKETS = 4_096
# What a packet costs beside its data.
_PACKET = 100


class StrictPacket(Packet):  # type: ignore[misc]
    """A packet that has no attachments and cannot name a reserved event."""

    packet_type: int
    data: Any

    def decode(self, encoded_packet: object) -> int:
        """Read a packet from a client; returns how many attachments follow: always none.

        A word with bytes in it keeps their placeholders, which no payload type accepts, and so is
        answered with an error like every invalid word; the attachments are never kept.

        Raises:
            ValueError: It is no packet of the relay's clients.
        """
        if not isinstance(encoded_packet, str):
            raise ValueError("an attachment, which no word has")
        super().decode(encoded_packet)
        if self.packet_type == BINARY_ACK:
            raise ValueError("an acknowledgement with attachments")
        if self.packet_type == BINARY_EVENT:
            self.packet_type = EVENT
        if self.packet_type == EVENT:
            self.data = _checked_event(self.data)
        return 0


def _checked_event(data: object) -> list[Any]:
    match data:
        case [str(name), *arguments] if len(name) <= _LONGEST_NAME:
            return ["reserved" if name in _RESERVED else name, *arguments]
        case _:
            raise ValueError("an event without a name")


class Backlogs:
    """What waits for all sockets together. on_full: called with a backlog that must go."""

    def __init__(self, limits: Limits, on_full: Callable[[Backlog], None]) -> None:
        self.size = 0
        self._limits = limits
        self._on_full = on_full

    def grown(self, backlog: Backlog, size: int) -> None:
        """Count what was added to a backlog."""
        self.size += size
        limits = self._limits
        crowded = self.size > limits.max_all_backlogs and backlog.size > limits.little_backlog
        if (crowded or backlog.size > limits.max_backlog) and not backlog.is_full:
            backlog.is_full = True
            self._on_full(backlog)


class Backlog(asyncio.Queue[Any]):
    """What waits to be sent to one socket; knows its size in bytes (characters for text)."""

    def __init__(self, all_backlogs: Backlogs) -> None:
        super().__init__()
        self.size = 0
        self.is_full = False
        self._all = all_backlogs

    def _put(self, item: Any) -> None:
        size = _size(item)
        self.size += size
        super()._put(item)
        self._all.grown(self, size)

    def _get(self) -> Any:
        item = super()._get()
        self.size -= _size(item)
        self._all.size -= _size(item)
        return item

    def discard(self) -> None:
        """Throw everything away."""
        while not self.empty():
            self.get_nowait()
            self.task_done()

    def end(self) -> None:
        """Have the writer, or a waiting poll, end once all before this is sent."""
        self.put_nowait(None)


def sane_frames(receive: Receive) -> Receive:
    """Wrap a WebSocket's ASGI receive: a frame that is no engine.io packet ends the connection.

    The library would raise out of its handler, and keep the client as connected.
    """

    async def checked() -> MutableMapping[str, Any]:
        message = await receive()
        if message["type"] == "websocket.receive" and not _is_packet(message):
            return {"type": "websocket.disconnect", "code": 1008}
        return message

    return checked


def _is_packet(message: MutableMapping[str, Any]) -> bool:
    frame = message.get("text")
    if frame is None:
        return True  # an attachment, which the library takes for a packet
    try:
        engineio.packet.Packet(encoded_packet=frame)
    except (ValueError, RecursionError):
        return False
    return True


def _size(item: Any) -> int:
    data = getattr(item, "data", None)
    return _PACKET + (len(data) if isinstance(data, str | bytes) else 0)


class _Session:
    """An Engine.IO session: whose, and since when nobody is there. A person may come of it."""

    def __init__(self, address: str, limits: Limits, now: float) -> None:
        self.address = address
        self.packets = TokenBucket(limits.socket_frames, now)
        self.empty_since: float | None = now


class SocketServer(socketio.AsyncServer):  # type: ignore[misc]
    """The hardened server. One client's events are handled one after another, in order.

    clock: monotonic seconds.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._sessions: dict[str, _Session] = {}
        self._crowd: Tally[str] = Tally()
        self._leaving: set[asyncio.Task[None]] = set()
        # The library logs payloads at INFO and every stranger's mistake at ERROR: neither belongs
        # into the relay's log.
        silent = logging.getLogger("relay.socketio")
        silent.setLevel(logging.CRITICAL)
        Payload.max_decode_packets = _POLLED_PACKETS
        super().__init__(
            async_mode="asgi",
            serializer=StrictPacket,
            async_handlers=False,
            max_http_buffer_size=limits.max_frame,
            http_compression=False,
            logger=silent,
            engineio_logger=silent,
        )
        backlogs = Backlogs(limits, self._full)
        self.eio.create_queue = lambda: Backlog(backlogs)

    def has_room(self, address: str) -> bool:
        """Whether somebody of this address may come; sockets of which nobody came count too."""
        crowd = self._crowd[address]
        return (
            crowd < self._limits.max_address_people
            and len(self.eio.sockets) < self._limits.max_people
        )

    def end(self, sid: str) -> None:
        """End the sending to a client that leaves; the library lets its last poll hang."""
        socket = self._socket(sid)
        if socket:
            socket.queue.end()

    async def sweep(self) -> None:
        """Let go of sessions where nobody came, or nobody is any more."""
        now = self._clock()
        for eio_sid, session in list(self._sessions.items()):
            if self.manager.sid_from_eio_sid(eio_sid, "/") is not None:
                session.empty_since = None
            elif session.empty_since is None:
                session.empty_since = now
            elif now - session.empty_since > self._limits.arrival_seconds:
                await self._drop(self.eio.sockets.get(eio_sid))

    async def finish(self) -> None:
        """Return when everything that waits has been handed to the network; nothing follows it."""
        queues = [socket.queue for socket in self.eio.sockets.values()]
        try:
            await asyncio.gather(*(queue.join() for queue in queues))
        finally:
            for queue in queues:
                queue.end()

    def _socket(self, sid: str) -> Any | None:
        with contextlib.suppress(KeyError):
            return self.eio.sockets.get(self.manager.eio_sid_from_sid(sid, "/"))
        return None

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        address = environ["asgi.scope"]["client"][0]
        self._sessions[eio_sid] = _Session(address, self._limits, self._clock())
        self._crowd.add(address)
        socket = self.eio.sockets[eio_sid]
        socket.receive = self._counted(socket, self._sessions[eio_sid])
        await super()._handle_eio_connect(eio_sid, environ)

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        await super()._handle_eio_disconnect(eio_sid, reason)
        session = self._sessions.pop(eio_sid, None)
        if session:
            self._crowd.remove(session.address)

    def _counted(self, socket: Any, session: _Session) -> Callable[[Any], Awaitable[None]]:
        """Return the socket's `receive`, which ends a client that says too much at once."""
        receive = socket.receive

        async def counted(packet: Any) -> None:
            if not session.packets.take(self._clock()):
                await self._drop(socket)
            if socket.closed:
                raise engineio.exceptions.SocketIsClosedError
            await receive(packet)

        return counted

    def _full(self, backlog: Backlog) -> None:
        """Let go of a client that does not read, and of what waits for it."""
        for socket in self.eio.sockets.values():
            if socket.queue is backlog and not socket.closed and not socket.closing:
                dropping = asyncio.create_task(self._drop(socket))
                self._leaving.add(dropping)
                dropping.add_done_callback(self._leaving.discard)

    async def _drop(self, socket: Any | None) -> None:
        if socket:
            socket.queue.discard()
            await socket.close(wait=False, abort=True)
            socket.queue.end()
