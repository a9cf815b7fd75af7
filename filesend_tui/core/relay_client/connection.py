"""The connection to a relay: one socket.io connection, with reconnect and backoff.

Words are sent as calls that are acknowledged, and received validated and in order. The meaning of
words, and pairing, never live here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from filesend_tui.core.errors import (
    ExpiredCode,
    FileSendError,
    NameplateTaken,
    NotPaired,
    PairingFailed,
    RelayUnreachable,
    UnknownCode,
    UsedCode,
)
from filesend_tui.core.relay_client.address import RelayAddress, parse_relay_url
from filesend_tui.core.relay_client.messages import RoomMessage, SealedMessage, routed
from filesend_tui.core.relay_client.staying import Again, ConnectionState, Staying, always
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
    RelayMoving,
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
    ErrorCode.NAMEPLATE_TAKEN: (NameplateTaken, "The number of this code is taken there.", ""),
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


def refusal(code: object) -> FileSendError:
    """Return the error that a relay's error code stands for. The relay's own text is not shown."""
    kind, message, hint = _REFUSALS.get(
        str(code), (FileSendError, "The relay refused, and did not say why in a known way.", "")
    )
    return kind(message, hint)


class RelayConnection(Staying):
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
        super().__init__(on_state)
        self.address: RelayAddress | None = None
        self._on_word = on_word
        self._proxies = proxies
        self._client: StrictClient | None = None
        self._calls: set[asyncio.Future[Any]] = set()
        self._fault = ""
        self._ends = Tasks()  # of connections that were lost: each frees its HTTP session

    @property
    def url(self) -> str:
        """The relay's address, as shown; empty before the first `connect`."""
        return self.address.url if self.address else ""

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
            await self._try_now(again)
            return
        await self.close()
        self.address = address
        await self._connect(again)

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

    @property
    def _is_there(self) -> bool:
        return self._client is not None

    async def _open(self) -> None:
        """Make a fresh connection. Raises RelayUnreachable."""
        address = self.address
        assert address is not None
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
        self._opened()

    def _take(self, client: StrictClient, event: str, payload: list[Any]) -> bool:
        """Handle an event; return whether a relay may send it in this form."""
        if client is not self._client or event not in DELIVERED:
            return True  # a relay of another version may send other events
        word = _incoming(event, payload[0] if payload else None)
        if isinstance(word, RelayMoving):
            self._lost(client, moving=True)
        elif word is not None:
            self._on_word(word)
        return word is not None

    def _lost(self, client: StrictClient, *, moving: bool = False) -> None:
        if client is not self._client:
            return
        self._client = None
        self._ends.spawn(client.end())
        self._note_fault(client)
        self._fail_calls()
        self._gone(soon=moving)

    def _note_fault(self, client: StrictClient) -> None:
        self._fault = client.fault
        if self._fault and self.address is not None:
            _log.warning("hung up on the relay at %s: it %s", self.address.url, self._fault)

    def _fail_calls(self) -> None:
        for answered in self._calls:
            if not answered.done():
                answered.set_exception(self.loss)

    def _unreachable(self, what: str, hint: str = "") -> RelayUnreachable:
        where = f" at {self.address.url}" if self.address else ""
        return RelayUnreachable(f"{what}{where}.", hint)


def _incoming(event: str, payload: object) -> Word | RoomMessage | None:
    """Return the word that the relay delivered; None if it is malformed."""
    sent_as = _SENT_AS.get(event)
    if sent_as is not None:
        return routed(sent_as, payload)
    try:
        return parse(NOTICES[event], payload)
    except msgspec.ValidationError:
        return None
