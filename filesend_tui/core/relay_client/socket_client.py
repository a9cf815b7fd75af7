"""A socket.io client that a relay may mean harm to.

python-socketio as it comes makes a task of each message, and so a traceback of each that cannot be
read; it gathers attachments, answers to pings and namespaces without bound, takes an event for the
end of the connection where it has that name, and writes its log to standard error. Here each packet
is looked at before the library sees it, in turn, and the first that no relay sends ends the
connection. Importing this is slow. What words mean, and whether to come back, never lives here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import aiohttp
import engineio
import engineio.packet
import socketio
from engineio.base_client import connected_clients
from socketio.packet import ACK, CONNECT, CONNECT_ERROR, DISCONNECT, EVENT, Packet

from filesend_tui.core.util.token_bucket import TokenBucket
from relay.protocol.words import MAX_FRAME

_log = logging.getLogger(__name__)

#: Packets that a relay may send, pings of every kind too: at once, and a second. Its own bounds let
#: a partner say 500 words a second, and each word of this side is acknowledged by one more.
PACKETS: Final = (10_000, 2_000)
#: Characters and bytes of them. A relay takes 16 MiB at once and 1 MiB a second of a partner.
BYTES: Final = (64 * 1024 * 1024, 4 * 1024 * 1024)
#: What may wait for a relay that does not read: packets, and characters in them.
MOST_WAITING: Final = 20_000
MOST_WAITING_SIZE: Final = 64 * 1024 * 1024
#: Seconds between two pings, and for the next one to come, whatever the relay says.
LONGEST_PING: Final = 60.0
#: Seconds that a polite end may take.
PARTING: Final = 2.0
#: Values in one packet: parsing many takes long, and the largest words are one long text.
MOST_VALUES: Final = 1_000
# Small packets, or so many characters of large ones, after which others get their turn.
_TURN: Final = 32
_TURN_SIZE: Final = 1024

# The library logs whole payloads, and each mistake of the other side.
_silent = logging.getLogger(f"{__name__}.library")
_silent.setLevel(logging.CRITICAL + 1)


class Broken(Exception):
    """The relay did what no relay does. The text says what it did, and repeats nothing of it."""


class _Ended(Exception):
    """The relay ended the connection, or it broke."""


def read(data: str) -> Packet:
    """Return the socket.io packet that this is: of the one namespace, and without attachments.

    Raises:
        Broken: It is none that a relay sends.
    """
    if sum(map(data.count, ",[{")) > MOST_VALUES:
        raise Broken("sent a packet of very many values")
    try:
        packet = Packet(encoded_packet=data)
    except (ValueError, RecursionError):
        raise Broken("sent a packet that cannot be read") from None
    if packet.namespace not in (None, "/") or packet.attachment_count:
        raise Broken("sent a packet of a kind that is not in use")
    return packet


class StrictClient(socketio.AsyncClient):
    """One connection to one relay, which is not made again.

    Args:
        on_event: Takes the name and the arguments of each event, in order, and says whether a relay
            may send it like this; must not block.
        on_end: Called once when an open connection has ended, unless this side ended it.
    """

    eio: _Engine

    def __init__(
        self, on_event: Callable[[str, list[Any]], bool], on_end: Callable[[], None]
    ) -> None:
        super().__init__(
            reconnection=False,  # python-socketio gives up when the relay says goodbye
            handle_sigint=False,  # Ctrl-C belongs to the face
            request_timeout=PARTING,
            websocket_extra_options={"max_msg_size": MAX_FRAME, "autoping": False},
            logger=_silent,
            engineio_logger=_silent,
        )
        self.eio.http = _session()
        self.eio.on_end = on_end
        self._on_event = on_event

    @property
    def fault(self) -> str:
        """What the relay did that no relay does; empty where it did nothing of the kind."""
        return self.eio.fault

    @property
    def open(self) -> bool:
        """Whether the connection stands."""
        return self.eio.state == "connected"

    async def end(self) -> None:
        """Close the connection in whatever state it is, and free what it holds; never raises."""
        try:
            async with asyncio.timeout(PARTING):
                await self.disconnect()
        except Exception as error:
            _log.debug("closing the connection to the relay: %r", error)
        finally:
            await self.eio.free()

    def _engineio_client_class(self) -> type[engineio.AsyncClient]:
        return _Engine

    async def _handle_eio_message(self, data: str) -> None:
        """Take a socket.io packet. Raises Broken and _Ended."""
        packet = read(data)
        joined = "/" in self.namespaces
        match packet.packet_type, packet.data:
            case (kind, [str(name), *arguments]) if kind == EVENT and joined and packet.id is None:
                if not self._on_event(name, arguments):
                    raise Broken("said something that makes no sense")
            case (kind, list(arguments)) if kind == ACK and joined:
                self._acknowledged(packet.id, arguments)
            case (kind, dict()) if kind == CONNECT and not joined:
                await self._handle_connect(None, packet.data)
            case (kind, _) if kind == CONNECT_ERROR and not joined:
                await self._handle_error(None, None)
            case (kind, _) if kind == DISCONNECT:
                raise _Ended
            case _:
                raise Broken("sent a packet out of turn, or of an unknown kind")

    def _acknowledged(self, number: int | None, arguments: list[Any]) -> None:
        callback = self.callbacks.get("/", {}).pop(number, None)
        if callback is None:
            raise Broken("acknowledged what nobody said")
        callback(*arguments)

    async def _handle_eio_disconnect(self, reason: str) -> None:
        if not self.connected:
            # Whoever waits for it to open would wait on.
            self.namespaces = {}
            self.failed_namespaces = list(self.connection_namespaces)
            self._connect_event.set()
        await super()._handle_eio_disconnect(reason)


class _Engine(engineio.AsyncClient):
    """The engine.io below. fault: why it hung up, if it did. on_end: called when it is over."""

    def __init__(self, **options: Any) -> None:
        self.fault = ""
        self.on_end: Callable[[], None] = lambda: None
        self._patience: asyncio.Timeout | None = None
        super().__init__(**options)

    def create_queue(self, *_: Any, **__: Any) -> _Outbox:
        """Return the queue of what waits to be sent."""
        return _Outbox(self._overflown)

    async def free(self) -> None:
        """End both loops, whatever they wait for, and close the socket."""
        self.state = "disconnected"
        await _end(self.read_loop_task, 0)
        await _end(self.write_loop_task, 0)
        with suppress(ValueError):
            connected_clients.remove(self)
        if self.http is not None:
            await self.http.close()

    async def _write_loop(self) -> None:
        # The first of the two loops to run, and both go by what the relay said.
        self.ping_interval = min(self.ping_interval, LONGEST_PING)
        self.ping_timeout = min(self.ping_timeout, LONGEST_PING)
        await super()._write_loop()

    async def _read_loop_websocket(self) -> None:
        try:
            await self._read()
        except Broken as broken:
            self.fault = self.fault or str(broken)
        except (_Ended, TimeoutError, aiohttp.ClientError, OSError) as error:
            _log.debug("the connection to the relay ended: %r", error)
        except Exception:
            _log.exception("what the relay sent brought a fault to light")
        await self._over()

    async def _read(self) -> None:
        """Take what comes until there is no more. Raises what ended it, if that was no request."""
        clock = asyncio.get_running_loop().time
        packets, sizes = TokenBucket(*PACKETS, clock()), TokenBucket(*BYTES, clock())
        turn = 0
        while self.state == "connected" and self.write_loop_task is not None:
            async with asyncio.timeout(self.ping_interval + self.ping_timeout) as self._patience:
                if self.fault:
                    return
                message = await self.ws.receive()
                size = len(message.data) if isinstance(message.data, str | bytes) else 0
                if not (packets.spend(1, clock()) and sizes.spend(size, clock())):
                    raise Broken("said too much at once")
                await self._take(message)
                # What is here already is read without waiting: others need their turns.
                turn += 1 + size // _TURN_SIZE
                if turn >= _TURN:
                    turn = 0
                    await asyncio.sleep(0)

    async def _take(self, message: aiohttp.WSMessage) -> None:
        """Take a WebSocket message. Raises Broken and _Ended."""
        match message.type:
            case aiohttp.WSMsgType.TEXT:
                await self._take_packet(message.data[:1], message.data[1:])
            case aiohttp.WSMsgType.PING:
                await self.ws.pong(message.data)
            case aiohttp.WSMsgType.PONG:
                pass
            case aiohttp.WSMsgType.BINARY:
                raise Broken("sent an attachment, which no word has")
            case aiohttp.WSMsgType.ERROR if isinstance(message.data, aiohttp.WebSocketError):
                raise Broken("sent what is no WebSocket frame, or is too long")
            case _:
                raise _Ended

    async def _take_packet(self, kind: str, data: str) -> None:
        """Take an engine.io packet. Raises Broken and _Ended."""
        match kind:
            case "4":
                await self.handlers["message"](data)
            case "2" if not data:
                await self._send_packet(engineio.packet.Packet(engineio.packet.PONG))
            case "6":
                pass
            case "1":
                raise _Ended
            case _:
                raise Broken("sent a packet of an unknown kind")

    def _overflown(self) -> None:
        """Hang up on a relay that does not read."""
        self.fault = self.fault or "does not read what it is sent"
        if self._patience is not None:
            with suppress(RuntimeError):  # nothing is read any more
                self._patience.reschedule(asyncio.get_running_loop().time())

    async def _over(self) -> None:
        """Let go of a connection that has ended; the library's way waits for the writer."""
        on_its_own = self.state == "connected"  # else `disconnect` does what follows
        # The writer looks at this, and may miss the word to end among others that wait.
        self.state = "disconnected" if on_its_own else self.state
        self.queue.put_nowait(None)
        await _end(self.write_loop_task, 0 if self.fault else PARTING)
        if not on_its_own:
            return
        with suppress(AttributeError):  # not aiohttp's public face; closing would wait for a reader
            self.ws._writer.transport.abort()
        with suppress(Exception):
            async with asyncio.timeout(PARTING):
                await self.ws.close()
        with suppress(ValueError):
            connected_clients.remove(self)
        await self._trigger_event("disconnect", self.reason.TRANSPORT_ERROR, run_async=False)
        self.on_end()
        await self._reset()


async def _end(task: asyncio.Task[None] | None, patience: float) -> None:
    """Wait for a task for so many seconds, then cancel it; whatever it raises is its own affair."""
    if task is not None:
        await asyncio.wait({task}, timeout=patience)
        while not task.done():  # before Python 3.12 a wait with a time-out may pass over a cancel
            task.cancel()
            await asyncio.wait({task}, timeout=1)
        if not task.cancelled():
            task.exception()


class _Outbox(asyncio.Queue[Any]):
    """What waits to be sent. on_full: called when it is too much, and again with each more."""

    def __init__(self, on_full: Callable[[], None]) -> None:
        super().__init__()
        self._size = 0
        self._on_full = on_full

    def _put(self, item: Any) -> None:
        super()._put(item)
        self._size += _size(item)
        if self.qsize() > MOST_WAITING or self._size > MOST_WAITING_SIZE:
            self._on_full()

    def _get(self) -> Any:
        item = super()._get()
        self._size -= _size(item)
        return item


def _size(item: Any) -> int:
    data = getattr(item, "data", None)
    return len(data) if isinstance(data, str | bytes) else 0


def _session() -> aiohttp.ClientSession:
    """Return what fetches for a client: from the relay alone, wherever that may point.

    It could point at what listens on this machine only.
    """

    async def refuse(*_: object) -> None:
        raise aiohttp.ClientConnectionError("a relay points elsewhere")

    tracing = aiohttp.TraceConfig()
    tracing.on_request_redirect.append(refuse)
    return aiohttp.ClientSession(trace_configs=[tracing])
