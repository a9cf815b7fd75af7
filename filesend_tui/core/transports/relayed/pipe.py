"""One end of a pipe of a relay's transit, as a socket.

The relay's side is relay/transit/pipes.py. What goes through is opaque here, as it is there; TLS
inside it is transport.py's.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.base import RelayEntry, Slowing
from filesend_tui.core.transports.secure_connection import tune
from filesend_tui.core.util.proxies import Proxy
from filesend_tui.core.util.unreachable import why_unreached
from filesend_tui.core.util.websocket_client import way_to, websocket_client
from relay.protocol.transit import (
    JOINED,
    MAX_MESSAGE,
    MAX_NOTICE,
    TransitEnd,
    TransitNotice,
    greeting,
)

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection, connect

#: Timeout in seconds for a connection to the relay, and for closing it.
OPEN_TIMEOUT: Final = 10.0
CLOSE_TIMEOUT: Final = 2.0
#: Seconds in which the far end may still send after this end has sent its last.
LINGER: Final = 5.0
#: Messages that are buffered unread: at most this many of MAX_MESSAGE.
QUEUE: Final = 2

#: Why the relay closed an end, for people.
_ENDS: Final = {
    TransitEnd.NOT_PAIRED: "it does not know the two as paired",
    TransitEnd.NOBODY: "nobody came to the other end",
    TransitEnd.FULL: "it has no room for more",
    TransitEnd.GONE: "the other end is gone",
}

_notices: Final = msgspec.json.Decoder(TransitNotice)

log = logging.getLogger(__name__)


class Pipe:
    """An open end. Made by `open`; freed by closing `socket` and waiting for `freed`.

    Attributes:
        socket: A connected socket with the bytes of the far end; whoever takes it closes it.
        own_name: This end's address at the relay, as `socket.getsockname` returns it.
        address: The relay, as text for a person.
        slowed: What the relay said last that it makes the pipe wait for.
    """

    def __init__(self, connection: ClientConnection, address: str) -> None:
        self.address = address
        self.slowed: Slowing | None = None
        self.own_name: Any = connection.local_address
        self._connection = connection
        self._near, self.socket = socket.socketpair()
        self._near.setblocking(False)
        self._unread = asyncio.Event()  # nobody reads `socket` any more
        self._carrying = asyncio.create_task(self._carry())

    @classmethod
    async def open(cls, entry: RelayEntry, name: bytes, proxy: Proxy | None = None) -> Pipe:
        """Open an end, and wait for the other; the caller bounds the time.

        Args:
            entry: Of the relay.
            name: The pipe's, relay.protocol.transit.PIPE bytes.
            proxy: What the relay is reached by; None: by nothing.

        Raises:
            ChannelFailed: The relay cannot be reached or refuses, or nobody came.
        """
        connect_to, broken = await asyncio.to_thread(websocket_client)
        connection: ClientConnection | None = None
        try:
            connection = await _connect(connect_to, entry, proxy)
            await connection.send(greeting(entry.pass_, name))
            if await connection.recv() != JOINED:
                raise ChannelFailed("The relay's transit says something else than expected.")
            return cls(connection, entry.address)
        except ChannelFailed:
            await _closed(connection)
            raise
        except (OSError, ValueError, broken) as error:
            await _closed(connection)
            raise ChannelFailed(f"The relay's transit cannot be used: {_why(error)}.") from error
        except BaseException:
            await _closed(connection)
            raise

    async def freed(self) -> None:
        """Wait until everything is freed; only after `socket` was closed."""
        self._unread.set()
        await asyncio.wait({self._carrying})

    async def _carry(self) -> None:
        """Carry bytes both ways until both have ended, and free everything."""
        out, back, unread = (
            asyncio.create_task(each) for each in (self._out(), self._back(), self._unread.wait())
        )
        try:
            await asyncio.wait({out, back}, return_when=asyncio.FIRST_COMPLETED)
            if not back.done():  # this side has sent its last; the other may still answer
                await asyncio.wait(
                    {back, unread}, timeout=LINGER, return_when=asyncio.FIRST_COMPLETED
                )
        finally:
            for task in (out, back, unread):
                task.cancel()
            await asyncio.wait({out, back, unread})
            self._near.close()
            await _closed(self._connection)

    async def _out(self) -> None:
        loop = asyncio.get_running_loop()
        with suppress(Exception):  # whatever it is, it ends here
            while data := await loop.sock_recv(self._near, MAX_MESSAGE):
                await self._connection.send(data)

    async def _back(self) -> None:
        loop = asyncio.get_running_loop()
        with suppress(Exception):
            async for message in self._connection:
                if isinstance(message, bytes):
                    await loop.sock_sendall(self._near, message)
                elif (slowed := _slowing(message)) is not None:
                    self.slowed = slowed


def _slowing(message: str) -> Slowing | None:
    """Return what a text message says that is waited for; None for one that is not understood."""
    if len(message) > MAX_NOTICE:
        return None
    try:
        notice = _notices.decode(message)
    except msgspec.DecodeError:
        log.debug("the relay says of a pipe what nobody understands")
        return None
    return Slowing(notice.slowed, notice.per_second)


async def _connect(
    connect_to: type[connect], entry: RelayEntry, proxy: Proxy | None
) -> ClientConnection:
    connection = await connect_to(
        entry.transit,
        **await way_to(entry.transit, proxy),
        compression=None,
        max_size=MAX_MESSAGE,
        max_queue=QUEUE,
        open_timeout=OPEN_TIMEOUT,
        close_timeout=CLOSE_TIMEOUT,
        # A pipe that is held back answers no ping; TCP notices a relay that is gone.
        ping_interval=None,
        user_agent_header="FileSend",
    )
    if (sock := connection.transport.get_extra_info("socket")) is not None:
        tune(sock)
    return connection


async def _closed(connection: ClientConnection | None) -> None:
    if connection is not None:
        with suppress(Exception):
            await connection.close()


def _why(error: Exception) -> str:
    code = getattr(getattr(error, "rcvd", None), "code", None)
    if code in _ENDS:
        return _ENDS[code]
    why = why_unreached(error)
    return why.reason if why else "the connection was lost"
