"""The connection to a relay: one socket.io connection, with reconnect and backoff.

Words are sent as calls that are acknowledged, and received validated and in order. The meaning of
words, and pairing, never live here.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import msgspec

from filesend_tui.core.errors import (
    ExpiredCode,
    FileSendError,
    NotPaired,
    PairingFailed,
    RelayUnreachable,
    UnknownCode,
    UsedCode,
)
from filesend_tui.core.relay_client.address import RelayAddress, parse_relay_url
from filesend_tui.core.relay_client.messages import RoomMessage, SealedMessage
from filesend_tui.core.util import tunnel
from filesend_tui.core.util.proxies import NO_PROXIES, Proxies
from filesend_tui.core.util.tasks import Tasks
from filesend_tui.core.util.unreachable import why_unreached
from relay.protocol.words import (
    CALLS,
    DELIVERED,
    NOTICES,
    PAIRING,
    ROUTES,
    Done,
    ErrorCode,
    PairingWord,
    Room,
    Routed,
    Sealed,
    Word,
    parse,
    to_wire,
)

if TYPE_CHECKING:
    from filesend_tui.core.relay_client.socket_client import StrictClient

_log = logging.getLogger(__name__)

#: Timeouts in seconds for a connection attempt and for an acknowledgement.
CONNECT_TIMEOUT: Final = 10.0
CALL_TIMEOUT: Final = 15.0
#: Backoff in seconds: before the first reconnect, and the most between two.
FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 30.0

#: The name under which each unsealed word is sent.
_EVENT: Final[Mapping[type[Word], str]] = {
    payload: event for event, payload in {**CALLS, **PAIRING}.items()
}
#: The name under which each routed word was sent, by the name under which it is delivered.
_SENT_AS: Final[Mapping[str, str]] = {route.delivered_as: event for event, route in ROUTES.items()}
_SILENT: Final = "Check the address and the port, and that no firewall is in between."
_OLD: Final = "This relay and this program do not understand each other."
_UPGRADE: Final = "Use the same version of filesend for both."
_ANOTHER: Final = "Use another relay, or the same version of filesend for both."
#: Errors for a relay's refusals: class, message, hint (empty: the class's own).
_REFUSALS: Final[Mapping[str, tuple[type[FileSendError], str, str]]] = {
    ErrorCode.UNKNOWN_CODE: (UnknownCode, "No code with this number is open.", ""),
    ErrorCode.USED_CODE: (UsedCode, "This code was used already.", ""),
    ErrorCode.EXPIRED_CODE: (ExpiredCode, "This code has expired.", ""),
    ErrorCode.WITHDRAWN_CODE: (ExpiredCode, "This code was given up by whoever made it.", ""),
    ErrorCode.OWN_CODE: (
        PairingFailed,
        "This is your own code.",
        "The other person types it, on their machine.",
    ),
    ErrorCode.NOT_PAIRED: (NotPaired, "Nobody is at the other end.", ""),
    ErrorCode.TOO_MANY_ROOMS: (
        PairingFailed,
        "You, or the other person, are paired with too many people.",
        "Leave somebody first.",
    ),
    ErrorCode.TOO_MANY_PLACES: (
        FileSendError,
        "This side waits for too many people at once.",
        "Leave somebody first.",
    ),
    ErrorCode.INVALID_PAYLOAD: (FileSendError, _OLD, _UPGRADE),
    ErrorCode.UNKNOWN_EVENT: (FileSendError, _OLD, _UPGRADE),
    ErrorCode.RATE_LIMITED: (
        FileSendError,
        "The relay is asked too much at once.",
        "Wait a moment, then try again.",
    ),
    ErrorCode.RELAY_FULL: (
        FileSendError,
        "The relay has no room for more people.",
        "Try again later, or use another relay.",
    ),
}

W = TypeVar("W", bound=Word)

#: Awaited before each reconnect; returns whether to connect to what is there now. It may first
#: start a relay there, and must not raise.
Again: TypeAlias = Callable[[], Awaitable[bool]]


class ConnectionState(StrEnum):
    """The states of the connection."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    LOST = "lost"
    CLOSED = "closed"


async def always() -> bool:
    """Return True: reconnect to a lost relay in any case."""
    return True


def refusal(code: object) -> FileSendError:
    """Return the error that a relay's error code stands for. The relay's own text is not shown."""
    kind, message, hint = _REFUSALS.get(
        str(code), (FileSendError, "The relay refused, and did not say why in a known way.", "")
    )
    return kind(message, hint)


class RelayConnection:
    """One user's connection to one relay.

    Args:
        on_word: Called with each word the relay delivers, in order: a notice of its own, or a
            message of the other side of a room. Must not block.
        on_state: Called on each change of state; must not block.
        proxies: What relays are reached by.
    """

    def __init__(
        self,
        on_word: Callable[[Word | RoomMessage], None],
        on_state: Callable[[ConnectionState], None],
        proxies: Proxies = NO_PROXIES,
    ) -> None:
        self.address: RelayAddress | None = None
        self.state = ConnectionState.CLOSED
        self._on_word = on_word
        self._on_state = on_state
        self._proxies = proxies
        self._client: StrictClient | None = None
        self._calls: set[asyncio.Future[Any]] = set()
        self._reconnecting: asyncio.Task[None] | None = None
        self._since = 0.0
        self._waits = _delays()
        self._again: Again = always
        self._fault = ""
        self._ends = Tasks()  # of connections that were lost: each frees its HTTP session

    @property
    def loss(self) -> RelayUnreachable:
        """The error for the lost connection."""
        where = f" at {self.address.url}" if self.address else ""
        if self._fault:
            return RelayUnreachable(f"Hung up on the relay{where}: it {self._fault}.", _ANOTHER)
        return RelayUnreachable(f"The connection to the relay{where} was lost.")

    @property
    def hung_up(self) -> bool:
        """Whether this side ended the last connection, for a protocol violation by the relay."""
        return bool(self._fault)

    async def connect(self, url: str, *, again: Again = always) -> None:
        """Connect, and stay connected until `close`.

        To the relay that was lost: at once, instead of at the next try; what waits for it goes on
        waiting, also if this try fails.

        Args:
            url: The relay's address.
            again: Awaited before each reconnect; see Again.

        Raises:
            RelayUnreachable: It is not an address, nothing answers there in time, or no relay.
        """
        address = parse_relay_url(url)
        if self.state is ConnectionState.LOST and address == self.address:
            await self._try_now(address, again)
            return
        await self.close()
        self.address = address
        self._waits = _delays()
        self._again = again
        self._enter(ConnectionState.CONNECTING)
        try:
            await self._open(address)
        except BaseException:
            self._enter(ConnectionState.CLOSED)
            raise

    async def call(self, word: Word, reply: type[W]) -> W:
        """Send a word to the relay and return its acknowledgement.

        Words are sent in the order of the calls.

        Raises:
            RelayUnreachable: There is no connection, it broke, or no acknowledgement came in time.
            FileSendError: The relay refused; the kind says why.
        """
        return await self._call(_EVENT[type(word)], word, reply)

    async def send(self, room: Room, word: SealedMessage | PairingWord) -> None:
        """Send a word to the other side of a room; return once the relay has forwarded it.

        Order and errors are those of `call`.
        """
        if isinstance(word, SealedMessage):
            await self._call(word.event, Sealed(room=room, body=word.body), Done)
        else:
            await self._call(_EVENT[type(word)], Routed(room=room, body=word.body), Done)

    async def _call(self, event: str, word: Word, reply: type[W]) -> W:
        client = self._client
        if client is None or self.state is not ConnectionState.CONNECTED:
            raise self._unreachable("There is no connection to the relay")
        from socketio.exceptions import SocketIOError

        answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def acknowledge(*fields: Any) -> None:
            if not answered.done():
                answered.set_result(fields[0] if fields else None)

        self._calls.add(answered)
        try:
            await client.emit(event, to_wire(word), callback=acknowledge)
            async with asyncio.timeout(CALL_TIMEOUT):
                fields = await answered
        except TimeoutError:
            raise self._unreachable("The relay does not answer") from None
        except SocketIOError:  # it ended just now; `_lost` is about to run
            raise self.loss from None
        finally:
            self._calls.discard(answered)
        if isinstance(fields, dict) and isinstance(error := fields.get("error"), dict):
            raise refusal(error.get("code"))
        try:
            return parse(reply, fields)
        except msgspec.ValidationError as error:
            raise FileSendError(_OLD, _UPGRADE) from error

    async def close(self) -> None:
        """Disconnect and stop reconnecting; may be called twice."""
        await self._stop_reconnecting()
        client, self._client = self._client, None
        if client is not None:
            await client.end()
        await self._ends.join()
        self._fault = ""
        self._fail_calls()
        if self.state is not ConnectionState.CLOSED:
            self._enter(ConnectionState.CLOSED)

    # -- internals

    async def _try_now(self, address: RelayAddress, again: Again) -> None:
        """Reconnect to the lost relay without the rest of the backoff. Raises RelayUnreachable."""
        await self._stop_reconnecting()
        self._again = again
        self._waits = _delays()
        try:
            if self._client is None:  # else it is just back
                await self._open(address)
        except BaseException:
            if self.state is ConnectionState.LOST:  # else it was closed meanwhile
                self._reconnecting = asyncio.create_task(self._return())
            raise

    async def _stop_reconnecting(self) -> None:
        if self._reconnecting is not None:
            self._reconnecting.cancel()
            await asyncio.gather(self._reconnecting, return_exceptions=True)
            self._reconnecting = None

    async def _open(self, address: RelayAddress) -> None:
        """Make a fresh connection. Raises RelayUnreachable."""
        # In a thread: importing it takes a third of a second, and a screen may be drawn meanwhile.
        strict = await asyncio.to_thread(
            import_module, "filesend_tui.core.relay_client.socket_client"
        )
        proxy = self._proxies.of(address.url)
        client: StrictClient = strict.StrictClient(
            lambda event, payload: self._take(client, event, payload),
            lambda: self._lost(client),
            proxy,
        )
        patience = CONNECT_TIMEOUT + (tunnel.TIMEOUT if proxy is not None else 0)
        try:
            async with asyncio.timeout(patience):
                await client.connect(
                    address.url,
                    transports=["websocket"],
                    socketio_path=address.socketio_path,
                    wait_timeout=CONNECT_TIMEOUT,
                )
                if not client.open:
                    raise ConnectionError("it hung up at once")
        except TimeoutError:
            await client.end()
            raise self._unreachable("Nothing answers", _SILENT) from None
        except asyncio.CancelledError:
            await client.end()
            raise
        except Exception as error:
            # A server there that is not a relay may answer anything at all.
            _log.debug("connecting to %s failed: %r", address.url, error)
            await client.end()
            self._note_fault(client)
            if self._fault:
                raise self.loss from error
            why = why_unreached(error)
            what = f"No relay answers at {address.url}{f': {why.reason}' if why else ''}."
            raise RelayUnreachable(what, why.hint if why else "") from error
        self._client = client
        self._since = asyncio.get_running_loop().time()
        self._enter(ConnectionState.CONNECTED)

    def _take(self, client: StrictClient, event: str, payload: list[Any]) -> bool:
        """Handle an event; return whether a relay may send it in this form."""
        if client is not self._client or event not in DELIVERED:
            return True  # a relay of another version may send other events
        word = _incoming(event, payload[0] if payload else None)
        if word is not None:
            self._on_word(word)
        return word is not None

    def _lost(self, client: StrictClient) -> None:
        if client is not self._client:
            return
        self._client = None
        self._ends.spawn(client.end())
        self._note_fault(client)
        if asyncio.get_running_loop().time() - self._since > LONGEST_DELAY:
            self._waits = _delays()  # else the backoff goes on: the connection flaps
        self._fail_calls()
        self._enter(ConnectionState.LOST)
        self._reconnecting = asyncio.create_task(self._return())

    async def _return(self) -> None:
        """Reconnect, with backoff, until it works."""
        assert self.address is not None
        for delay in self._waits:
            await asyncio.sleep(delay)
            if not await self._again():
                continue
            try:
                await self._open(self.address)
            except RelayUnreachable:
                continue
            return

    def _note_fault(self, client: StrictClient) -> None:
        self._fault = client.fault
        if self._fault and self.address is not None:
            _log.warning("hung up on the relay at %s: it %s", self.address.url, self._fault)

    def _fail_calls(self) -> None:
        for answered in self._calls:
            if not answered.done():
                answered.set_exception(self.loss)

    def _enter(self, state: ConnectionState) -> None:
        self.state = state
        self._on_state(state)

    def _unreachable(self, what: str, hint: str = "") -> RelayUnreachable:
        where = f" at {self.address.url}" if self.address else ""
        return RelayUnreachable(f"{what}{where}.", hint)


def _incoming(event: str, payload: object) -> Word | RoomMessage | None:
    """Return the word that the relay delivered; None if it is malformed.

    A malformed word of the partner's must not be dropped silently: it becomes a message that
    cannot be opened, for which the receiver ends the pairing or session.
    """
    sent_as = _SENT_AS.get(event)
    try:
        if sent_as is None:
            return parse(NOTICES[event], payload)
        room = parse(_InRoom, payload).room
    except msgspec.ValidationError:
        return None
    try:
        routed = parse(ROUTES[sent_as].payload, payload)
    except msgspec.ValidationError:
        return RoomMessage(room, SealedMessage(event=sent_as, body=b""))
    pairing = PAIRING.get(sent_as)
    if pairing is None:
        return RoomMessage(room, SealedMessage(event=sent_as, body=routed.body))
    return RoomMessage(room, pairing(body=routed.body))


class _InRoom(Word, frozen=True, kw_only=True):
    """A routed word of which only the room is read."""

    room: Room


def _delays() -> Iterator[float]:
    delay = FIRST_DELAY
    while True:
        yield delay * random.uniform(0.8, 1.2)  # noqa: S311 - spreads clients, hides nothing
        delay = min(delay * 2, LONGEST_DELAY)
