"""A socket.io server that is hardened against hostile clients.

Plain python-socketio queues for a slow reader without bound, buffers binary attachments without
bound, keeps sessions that no client ever joins, calls the connect handler for an event of that
name, and disconnects who answers no ping within the turn of whoever sends to them. This module
prevents that, and contains nothing of what the relay does. It supports WebSocket alone:
long-polling costs a request per word, and anybody could make the relay keep the state that it needs
between two of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any, Final, TypeAlias

import engineio.packet
import socketio
from socketio.packet import BINARY_ACK, BINARY_EVENT, EVENT, Packet

from relay.guard.buckets import AddressTally
from relay.guard.limits import Limits

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]

# Names that python-socketio gives a meaning of its own when a client emits them.
_RESERVED: Final = frozenset(socketio.AsyncServer.reserved_events) | {"*"}
_LONGEST_NAME: Final = 64
# Bytes that a packet costs beside its data.
_PACKET: Final = 100
# The packets that a client of Engine.IO 4 sends on a WebSocket: a message, or one of these alone.
_MESSAGE: Final = str(engineio.packet.MESSAGE)
_ALONE: Final = frozenset({str(engineio.packet.PONG), str(engineio.packet.CLOSE)})


class StrictPacket(Packet):
    """A packet that has no attachments and cannot name a reserved event."""

    def decode(self, encoded_packet: object) -> int:
        """Decode a packet from a client; return how many attachments follow: always none.

        A word with bytes in it keeps their placeholders, which no payload type accepts, and so is
        answered with an error like every invalid word; the attachments are never kept.

        Raises:
            ValueError: No client of the relay sends such a packet.
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
    """The send queues of all sockets. on_full: called with one that must be closed."""

    def __init__(self, limits: Limits, on_full: Callable[[Backlog], None]) -> None:
        self.size = 0
        self._limits = limits
        self._on_full = on_full
        self._open: set[Backlog] = set()

    def __len__(self) -> int:
        return len(self._open)

    def open(self) -> Backlog:
        """Return the send queue of a new socket."""
        backlog = Backlog(self)
        self._open.add(backlog)
        return backlog

    def closed(self, backlog: Backlog) -> None:
        """Remove a backlog, which is empty and stays so."""
        self._open.discard(backlog)

    def changed(self, backlog: Backlog, size: int) -> None:
        """Count bytes that were added to a backlog, or removed from it."""
        self.size += size
        if size <= 0:
            return
        if backlog.size > self._limits.max_backlog:
            self._on_full(backlog)
        elif self.size > self._limits.max_all_backlogs:
            # The longest backlog is closed, and not the one that just grew.
            self._on_full(max(self._open, key=lambda each: each.size))


class Backlog(asyncio.Queue[Any]):
    """The send queue of one socket, with its size in bytes (characters for text).

    None in it ends the sending, once all before it is sent.

    is_closed: nothing is accepted any more.
    """

    def __init__(self, all_backlogs: Backlogs) -> None:
        super().__init__()
        self.size = 0
        self.is_closed = False
        self._all = all_backlogs

    def put_nowait(self, item: Any) -> None:
        """Add a packet; ignore it once the queue is closed."""
        if not self.is_closed:
            super().put_nowait(item)
            self._count(_size(item))

    async def take(self) -> list[Any]:
        """Wait for the next packet and return it in a list, which is empty at the end.

        One at a time: a packet no longer counts once it is taken.
        """
        item = await self.get()
        self.task_done()
        return [] if item is None else [item]

    def end(self) -> None:
        """End the sending once all queued packets are sent."""
        self.put_nowait(None)

    def close(self) -> None:
        """Discard all packets, end the sending, and accept nothing any more. Idempotent."""
        if self.is_closed:
            return
        while not self.empty():
            self.get_nowait()
            self.task_done()
        self.end()
        self.is_closed = True
        self._all.closed(self)

    def _get(self) -> Any:
        item = super()._get()
        self._count(-_size(item))
        return item

    def _count(self, size: int) -> None:
        self.size += size
        self._all.changed(self, size)


def _size(item: Any) -> int:
    if item is None:
        return 0
    data = item.data
    return _PACKET + (len(data) if isinstance(data, str | bytes) else 0)


class _Session:
    """An Engine.IO session: its address, and since when it has no person."""

    def __init__(self, address: str, now: float) -> None:
        self.address = address
        self.empty_since: float | None = now


class SocketServer(socketio.AsyncServer):
    """The hardened server. One client's events are handled one after another, in order.

    clock: monotonic seconds.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._sessions: dict[str, _Session] = {}
        self._crowd = AddressTally()
        self._leaving: set[asyncio.Task[None]] = set()
        # The library logs payloads at INFO and every client's mistake at ERROR: neither belongs in
        # the relay's log.
        silent = logging.getLogger("relay.socketio")
        silent.setLevel(logging.CRITICAL)
        super().__init__(
            async_mode="asgi",
            transports=["websocket"],
            serializer=StrictPacket,
            async_handlers=False,
            max_http_buffer_size=limits.max_frame,
            http_compression=False,
            logger=silent,
            engineio_logger=silent,
        )
        self._backlogs = Backlogs(limits, self._full)
        self.eio.create_queue = self._backlogs.open

    @property
    def backlog(self) -> int:
        """Bytes that wait to be read by all clients together."""
        return self._backlogs.size

    def has_room(self, address: str) -> bool:
        """Return whether this address may add a person; sockets without a person count too."""
        return (
            self._crowd.has_room(address, self._limits.max_address_people)
            and len(self.eio.sockets) < self._limits.max_people
        )

    def checked(self, receive: Receive) -> Receive:
        """Wrap a WebSocket's ASGI receive: an invalid packet ends the connection.

        The library would raise out of its handler, and keep the client as connected.
        """

        async def receive_packet() -> MutableMapping[str, Any]:
            message = await receive()
            if message["type"] == "websocket.receive" and not _is_packet(message.get("text")):
                return {"type": "websocket.disconnect", "code": 1008}
            return message

        return receive_packet

    async def send(self, event: str, data: dict[str, Any], to: str) -> None:
        """Emit an event to one client; do nothing if it is gone.

        `emit` does the same, but with a task for each event.
        """
        eio_sid = self._eio_sid(to)
        if eio_sid is not None:
            packet = self.packet_class(EVENT, namespace="/", data=[event, data])
            await self._send_packet(eio_sid, packet)

    def let_go(self, to: str) -> None:
        """End a client's connection soon, without a goodbye, after which clients come back."""
        socket = self.eio.sockets.get(self._eio_sid(to) or "")
        if socket is not None:
            self._let_go(socket)

    async def sweep(self) -> None:
        """Close sessions that have had no person for arrival_seconds."""
        now = self._clock()
        for eio_sid, session in list(self._sessions.items()):
            if self.manager.sid_from_eio_sid(eio_sid, "/") is not None:
                session.empty_since = None
            elif session.empty_since is None:
                session.empty_since = now
            elif now - session.empty_since > self._limits.arrival_seconds:
                await self._drop(self.eio.sockets.get(eio_sid))

    async def finish(self) -> None:
        """Wait until all queued packets are handed to the network; then end the sending."""
        queues = [socket.queue for socket in self.eio.sockets.values()]
        try:
            await asyncio.gather(*(queue.join() for queue in queues))
        finally:
            for queue in queues:
                queue.end()

    def _eio_sid(self, sid: str) -> str | None:
        with contextlib.suppress(KeyError):
            return self.manager.eio_sid_from_sid(sid, "/")
        return None

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        address = environ["asgi.scope"]["client"][0]
        self._sessions[eio_sid] = _Session(address, self._clock())
        self._crowd.add(address)
        socket = self.eio.sockets[eio_sid]
        socket.poll = socket.queue.take
        socket.check_ping_timeout = partial(self._answers_pings, socket)
        await super()._handle_eio_connect(eio_sid, environ)

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        """Connect a person; forget them at once where their socket ended meanwhile, or before.

        The library would keep them for ever: it forgets only whoever was connected by then.
        """
        try:
            await super()._handle_connect(eio_sid, namespace, data)
        except KeyError:
            if eio_sid in self._sessions:
                raise
        finally:
            if eio_sid not in self._sessions:
                await self._forget(eio_sid, namespace or "/")

    async def _forget(self, eio_sid: str, namespace: str) -> None:
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace)
        if sid is not None:
            if self.manager.is_pre_connected(sid, namespace):  # which would stay
                await self.manager.connect(sid, namespace)
            await self._handle_disconnect(eio_sid, namespace)

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        try:
            await super()._handle_eio_disconnect(eio_sid, reason)
        finally:
            session = self._sessions.pop(eio_sid, None)
            if session:
                self._crowd.remove(session.address)
            socket = self.eio.sockets.get(eio_sid)
            if socket:
                socket.queue.close()

    async def _answers_pings(self, socket: Any) -> bool:
        """Return whether a client still answers pings; let go one that does not.

        The library asks before everything that it sends, and would disconnect the client right
        there: within the turn of the one who sends to it, who would then wait for themselves.
        """
        if socket.closed:
            return False
        if not socket.last_ping or time.time() - socket.last_ping <= self.eio.ping_timeout:
            return True
        self._let_go(socket)
        return False

    def _full(self, backlog: Backlog) -> None:
        """Disconnect a client that does not read, and discard its queue."""
        for socket in self.eio.sockets.values():
            if socket.queue is backlog:
                self._let_go(socket)
        backlog.close()

    def _let_go(self, socket: Any) -> None:
        """Disconnect a client soon, in nobody's turn, and discard its queue at once."""
        if socket.queue.is_closed:
            return
        socket.queue.close()
        dropping = asyncio.create_task(self._drop(socket))
        self._leaving.add(dropping)
        dropping.add_done_callback(self._leaving.discard)

    async def _drop(self, socket: Any | None) -> None:
        if socket:
            await socket.close(wait=False, abort=True)
            socket.queue.close()


def _is_packet(frame: str | None) -> bool:
    """Return whether a client may send a frame; None is an attachment, read and dropped."""
    return frame is None or frame.startswith(_MESSAGE) or frame in _ALONE
