"""A socket.io client that is hardened against a hostile relay.

Plain python-socketio starts a task for each message, and so logs a traceback for each malformed
one; it buffers attachments, answers to pings and namespaces without bound, takes an event for the
end of the connection if it has that name, and logs to standard error. Here each packet is checked
before the library sees it, in order, and the first that no relay sends ends the connection.
Importing this is slow. The meaning of words, and reconnecting, never live here.
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

from filesend_tui.core.util.http_client import http_session
from filesend_tui.core.util.own_address import until_lost
from filesend_tui.core.util.proxies import Proxy
from filesend_tui.core.util.token_bucket import TokenBucket
from relay.protocol.words import MAX_FRAME

_log = logging.getLogger(__name__)

#: Rate limit of a relay's packets, pings of every kind too: at once, and a second. Its own limits
#: let a partner send 500 words a second, and each word of this side is acknowledged by one more.
PACKETS: Final = (10_000, 2_000)
#: Of their characters and bytes. A relay takes 16 MiB at once and 1 MiB a second of a partner.
BYTES: Final = (64 * 1024 * 1024, 4 * 1024 * 1024)
#: Bounds of the send queue, for a relay that does not read: packets, and characters in them.
MOST_WAITING: Final = 20_000
MOST_WAITING_SIZE: Final = 64 * 1024 * 1024
#: Most seconds between two pings, and for the next one to arrive, whatever the relay announces.
LONGEST_PING: Final = 60.0
#: Timeout in seconds for a clean disconnect.
PARTING: Final = 2.0
#: Most JSON values in one packet: parsing many is slow, and the largest words are one long text.
MOST_VALUES: Final = 1_000
# Small packets, or so many characters of large ones, after which the event loop gets a turn.
_TURN: Final = 32
_TURN_SIZE: Final = 1024

# The library logs whole payloads, and each error of the other side.
_silent = logging.getLogger(f"{__name__}.library")
_silent.setLevel(logging.CRITICAL + 1)


class Broken(Exception):
    """The relay violated the protocol. The text says how, and quotes nothing that it sent."""


class _Ended(Exception):
    """The relay ended the connection, or it broke."""


def read(data: str) -> Packet:
    """Parse a socket.io packet: of the one namespace, and without attachments.

    Raises:
        Broken: No relay sends such a packet.
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
    """One connection to one relay, without reconnect.

    Args:
        on_event: Called with the name and the arguments of each event, in order; returns whether a
            relay may send it in this form; must not block.
        on_end: Called once when an open connection has ended, unless this side ended it.
        proxy: What it goes through; None: through nothing.
    """

    eio: _Engine

    def __init__(
        self,
        on_event: Callable[[str, list[Any]], bool],
        on_end: Callable[[], None],
        proxy: Proxy | None = None,
    ) -> None:
        super().__init__(
            reconnection=False,  # python-socketio gives up after the relay disconnects
            handle_sigint=False,  # Ctrl-C belongs to the face
            request_timeout=PARTING,
            websocket_extra_options={"max_msg_size": MAX_FRAME, "autoping": False},
            logger=_silent,
            engineio_logger=_silent,
        )
        self.eio.http = _session(proxy)
        self.eio.on_end = on_end
        self._on_event = on_event

    @property
    def fault(self) -> str:
        """The relay's protocol violation; empty if there was none."""
        return self.eio.fault

    @property
    def open(self) -> bool:
        """Whether the connection is open."""
        return self.eio.state == "connected"

    async def end(self) -> None:
        """Close the connection in any state, and free its resources; never raises."""
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
        """Handle a socket.io packet. Raises Broken and _Ended."""
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
            # Else a pending `connect` would wait on.
            self.namespaces = {}
            self.failed_namespaces = list(self.connection_namespaces)
            self._connect_event.set()
        await super()._handle_eio_disconnect(reason)


class _Engine(engineio.AsyncClient):
    """The engine.io connection below. fault: why it hung up, if so. on_end: called at its end."""

    def __init__(self, **options: Any) -> None:
        self.fault = ""
        self.on_end: Callable[[], None] = lambda: None
        self._patience: asyncio.Timeout | None = None
        self._moved = False
        super().__init__(**options)

    def create_queue(self, *_: Any, **__: Any) -> _Outbox:
        """Return the send queue."""
        return _Outbox(self._overflown)

    async def free(self) -> None:
        """Cancel both loops and close the socket."""
        self.state = "disconnected"
        await _end(self.read_loop_task, 0)
        await _end(self.write_loop_task, 0)
        with suppress(ValueError):
            connected_clients.remove(self)
        if self.http is not None:
            await self.http.close()

    async def _write_loop(self) -> None:
        # This loop is the first of the two to run; both use the intervals that the relay sent.
        self.ping_interval = min(self.ping_interval, LONGEST_PING)
        self.ping_timeout = min(self.ping_timeout, LONGEST_PING)
        await super()._write_loop()

    async def _read_loop_websocket(self) -> None:
        moving = asyncio.create_task(self._watch_address())
        try:
            await self._read()
        except Broken as broken:
            self.fault = self.fault or str(broken)
        except (_Ended, TimeoutError, aiohttp.ClientError, OSError) as error:
            _log.debug("the connection to the relay ended: %r", error)
        except Exception:
            _log.exception("what the relay sent brought a fault to light")
        finally:
            moving.cancel()
        await self._over()

    async def _watch_address(self) -> None:
        """Hang up once this machine does not have the address of the connection any more."""
        await until_lost(self.ws.get_extra_info("sockname"))
        self._moved = True
        self._stop_reading()

    async def _read(self) -> None:
        """Read until the connection ends. Raises what ended it, unless this side asked for it."""
        clock = asyncio.get_running_loop().time
        packets, sizes = TokenBucket(*PACKETS, clock()), TokenBucket(*BYTES, clock())
        turn = 0
        while self.state == "connected" and self.write_loop_task is not None:
            async with asyncio.timeout(self.ping_interval + self.ping_timeout) as self._patience:
                if self.fault or self._moved:
                    return
                message = await self.ws.receive()
                size = len(message.data) if isinstance(message.data, str | bytes) else 0
                if not (packets.spend(1, clock()) and sizes.spend(size, clock())):
                    raise Broken("said too much at once")
                await self._take(message)
                # Buffered messages are read without suspending: other tasks need their turns.
                turn += 1 + size // _TURN_SIZE
                if turn >= _TURN:
                    turn = 0
                    await asyncio.sleep(0)

    async def _take(self, message: aiohttp.WSMessage) -> None:
        """Handle a WebSocket message. Raises Broken and _Ended."""
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
        """Handle an engine.io packet. Raises Broken and _Ended."""
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
        self._stop_reading()

    def _stop_reading(self) -> None:
        if self._patience is not None:
            with suppress(RuntimeError):  # the read loop has ended
                self._patience.reschedule(asyncio.get_running_loop().time())

    async def _over(self) -> None:
        """Free a connection that has ended; the library would wait for the writer."""
        on_its_own = self.state == "connected"  # else `disconnect` does what follows
        # The writer checks the state; it may not notice the None among other queued items.
        self.state = "disconnected" if on_its_own else self.state
        self.queue.put_nowait(None)
        await _end(self.write_loop_task, 0 if self.fault else PARTING)
        if not on_its_own:
            return
        with suppress(AttributeError):  # not aiohttp's public API; closing would wait for a reader
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
    """Wait for a task for so many seconds, then cancel it; ignore what it raises."""
    if task is not None:
        await asyncio.wait({task}, timeout=patience)
        while not task.done():  # before Python 3.12 a wait with a timeout may swallow a cancel
            task.cancel()
            await asyncio.wait({task}, timeout=1)
        if not task.cancelled():
            task.exception()


class _Outbox(asyncio.Queue[Any]):
    """The send queue. on_full: called when it exceeds a bound, and again with each later item."""

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


def _session(proxy: Proxy | None) -> aiohttp.ClientSession:
    """Return an HTTP session that follows no redirect.

    A relay could redirect to a service that listens on loopback only.
    """

    async def refuse(*_: object) -> None:
        raise aiohttp.ClientConnectionError("a relay points elsewhere")

    tracing = aiohttp.TraceConfig()
    tracing.on_request_redirect.append(refuse)
    return http_session(proxy, trace_configs=[tracing])
