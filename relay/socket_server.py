"""A socket.io server that strangers may talk to.

python-socketio as it comes keeps what a slow reader has not read without bound, gathers binary
attachments without bound, and calls the connect handler for an event of that name. Here is what
closes these doors, and nothing of what the relay does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

import engineio.packet
import socketio
from engineio.payload import Payload
from socketio.packet import BINARY_ACK, BINARY_EVENT, EVENT, Packet

from relay.limits import Limits

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]

# Names that python-socketio gives a meaning of its own when a client emits them.
_RESERVED = frozenset(socketio.AsyncServer.reserved_events) | {"*"}
_LONGEST_NAME = 64
# Packets in one long-polling request, which the frame bounds in bytes. The library's 16 is fewer
# than a busy client queues, and what is refused here is lost without a word.
_POLLED_PACKETS = 4_096


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


class Backlog(asyncio.Queue[Any]):
    """What waits to be sent to one socket; knows its size in bytes (characters for text)."""

    size = 0

    def _put(self, item: Any) -> None:
        self.size += _size(item)
        super()._put(item)

    def _get(self) -> Any:
        item = super()._get()
        self.size -= _size(item)
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
    return len(data) if isinstance(data, str | bytes) else 0


class SocketServer(socketio.AsyncServer):  # type: ignore[misc]
    """The hardened server. One client's events are handled one after another, in order."""

    def __init__(self, limits: Limits) -> None:
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
        self.eio.create_queue = Backlog

    @property
    def open_sockets(self) -> int:
        """Engine.IO sockets, whether or not a person came of them yet."""
        return len(self.eio.sockets)

    def backlog(self, sid: str) -> int:
        """Bytes that wait to be sent to a connected client; 0 when it has gone."""
        socket = self._socket(sid)
        return socket.queue.size if socket else 0

    def end(self, sid: str) -> None:
        """End the sending to a client that leaves; the library lets its last poll hang."""
        socket = self._socket(sid)
        if socket:
            socket.queue.end()

    async def drop(self, sid: str) -> None:
        """Let go of a client that does not read, and of what waits for it."""
        socket = self._socket(sid)
        if socket:
            socket.queue.discard()
            await socket.close(wait=False, abort=True)

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
