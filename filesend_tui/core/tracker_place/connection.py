"""The connection to a tracker as a meeting place, with reconnect and backoff.

It is used as a relay's connection is (relay_client/connection.py): the same words, notices, states
and errors. What a tracker is told for them is the guests' (hall.py and below).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, TypeVar
from urllib.parse import urlsplit

from filesend_tui.core.errors import FileSendError, RelayUnreachable
from filesend_tui.core.relay_client.messages import RoomMessage, SealedMessage
from filesend_tui.core.relay_client.staying import Again, ConnectionState, Staying, always
from filesend_tui.core.tracker_place.hall import Hall
from filesend_tui.core.tracker_place.link import Link, dial
from filesend_tui.core.tracker_place.timings import DEFAULT, Timings
from filesend_tui.core.util import tunnel
from filesend_tui.core.util.proxies import NO_PROXIES, Proxies
from filesend_tui.core.util.tasks import Tasks
from filesend_tui.core.util.text import clean
from filesend_tui.core.util.unreachable import why_unreached
from relay.protocol import words
from relay.protocol.tracker_json import ServerFrame
from relay.protocol.words import PairingWord, Room, Word

#: Timeout in seconds for connecting.
CONNECT_TIMEOUT: Final = 10.0
_MAX_URL: Final = 2048
_FORM: Final = "A tracker's address looks like wss://tracker.example/announce."
_ANOTHER: Final = "Use another tracker, or a relay."

W = TypeVar("W", bound=Word)

_log = logging.getLogger(__name__)


class TrackerPlace(Staying):
    """One user's connection to one tracker.

    Args:
        on_word: Called with each notice, and each message of the other side of a room, in order.
            Must not block.
        on_state: Called on each change of state; must not block.
        proxies: What trackers are reached by.
    """

    def __init__(
        self,
        on_word: Callable[[Word | RoomMessage], None],
        on_state: Callable[[ConnectionState], None],
        proxies: Proxies = NO_PROXIES,
        *,
        timings: Timings = DEFAULT,
    ) -> None:
        super().__init__(on_state)
        self.url = ""
        self._name = ""
        self._on_word = on_word
        self._proxies = proxies
        self._timings = timings
        self._fault = ""
        self._link: Link | None = None
        self._hall: Hall | None = None
        self._serving: asyncio.Task[None] | None = None
        self._ends = Tasks()

    @property
    def address(self) -> None:
        """None: a tracker is no relay."""

    @property
    def loss(self) -> RelayUnreachable:
        """The error for the lost connection."""
        if self._fault:
            return RelayUnreachable(
                f"Hung up on the tracker at {self._name}: it {self._fault}.", _ANOTHER
            )
        where = f" at {self._name}" if self._name else ""
        return RelayUnreachable(f"The connection to the tracker{where} was lost.", _ANOTHER)

    @property
    def hung_up(self) -> bool:
        """Whether this side ended the last connection, for what the tracker did."""
        return bool(self._fault)

    async def connect(self, url: str, *, again: Again = always) -> None:
        """Connect, and stay connected until `close`.

        To the tracker that was lost: at once, instead of at the next try.

        Args:
            url: The tracker's address, ws or wss.
            again: Awaited before each reconnect; see Again.

        Raises:
            RelayUnreachable: It is not an address, or nothing answers there in time.
        """
        name = _name_of(url)
        if self.state is ConnectionState.LOST and url == self.url:
            await self._try_now(again)
            return
        await self.close()
        self.url, self._name = url, name
        await self._connect(again)

    async def call(self, word: Word, reply: type[W]) -> W:
        """Do what a relay does for this word, and return what it would acknowledge it with.

        Raises:
            RelayUnreachable: There is no connection, or it broke.
            FileSendError: It cannot be done; the kind says why.
        """
        answer = await self._answer(self._there(), word)
        assert isinstance(answer, reply)
        return answer

    async def send(self, room: Room, word: SealedMessage | PairingWord) -> None:
        """Send a word to the other side of a room; return once that side has taken it.

        Raises:
            RelayUnreachable: There is no connection, or it broke.
            NotPaired: Nobody is at the other end, or takes it in time.
        """
        await self._there().say(room, word)

    async def close(self) -> None:
        """Leave everything, disconnect and stop reconnecting; may be called twice."""
        await self._stop_reconnecting()
        hall, link, serving = self._hall, self._link, self._serving
        self._hall = self._link = self._serving = None
        if hall is not None and link is not None and serving is not None:
            hall.part(self.loss)
            await link.flush(self._timings.parting)
            serving.cancel()
            await asyncio.wait({serving})
            hall.fail(self.loss)
        await self._ends.join()
        self._fault = ""
        if self.state is not ConnectionState.CLOSED:
            self._enter(ConnectionState.CLOSED)

    # -- internals

    async def _answer(self, hall: Hall, word: Word) -> Word:
        match word:
            case words.Allocate(nameplate=nameplate):
                return await hall.allocate(nameplate)
            case words.Claim(nameplate=nameplate):
                return await hall.claim(nameplate)
            case words.Meet(place=place):
                return await hall.meet(place)
            case words.Release():
                hall.release()
            case words.LeavePlace(place=place):
                hall.leave_place(place)
            case words.Leave(room=room):
                await hall.leave(room)
            case _:
                raise FileSendError("A tracker has nothing of that kind.", _ANOTHER)
        return words.Done()

    def _there(self) -> Hall:
        if self._hall is None:
            where = f" at {self._name}" if self._name else ""
            raise RelayUnreachable(f"There is no connection to the tracker{where}.", _ANOTHER)
        return self._hall

    @property
    def _is_there(self) -> bool:
        return self._hall is not None

    async def _open(self) -> None:
        """Make a fresh connection. Raises RelayUnreachable."""
        proxy = self._proxies.of(self.url)
        hall: Hall | None = None

        def take(frame: ServerFrame) -> None:
            if hall is not None and hall is self._hall:
                hall.take(frame)

        try:
            async with asyncio.timeout(CONNECT_TIMEOUT + (tunnel.TIMEOUT if proxy else 0)):
                link = await dial(self.url, proxy, take)
        except (OSError, ValueError) as error:
            _log.debug("connecting to %s failed: %r", self._name, error)
            why = why_unreached(error)
            raise RelayUnreachable(
                f"No tracker answers at {self._name}{f': {why.reason}' if why else ''}.",
                (why.hint if why else "") or _ANOTHER,
            ) from error
        self._fault = ""
        self._link = link
        self._hall = hall = Hall(self._name, link.post, self._on_word, self._timings)
        self._serving = asyncio.create_task(self._serve(link, hall))
        self._opened()

    async def _serve(self, link: Link, hall: Hall) -> None:
        """Talk to the tracker until the connection ends."""
        keeping = asyncio.create_task(hall.keep_time())
        try:
            await link.run()
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        if hall is self._hall:
            self._lost(link, hall)

    def _lost(self, link: Link, hall: Hall) -> None:
        self._hall = self._link = self._serving = None
        self._fault = link.fault
        if self._fault:
            _log.warning("hung up on the tracker at %s: it %s", self._name, self._fault)
        hall.fail(self.loss)
        self._gone()


def _name_of(url: str) -> str:
    """Return a tracker's address for people: without path and query, which contain passkeys.

    Raises:
        RelayUnreachable: It is no address of a WebSocket tracker.
    """
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("ws", "wss") and parts.hostname and parts.port != 0
    except ValueError:
        sound = False
    shown = clean(url.rpartition("@")[2].partition("?")[0], 80)
    # User names and passwords would end up on screens and in logs: no tracker asks for any.
    if not sound or len(url) > _MAX_URL or "@" in parts.netloc or not url.isprintable():
        raise RelayUnreachable(f"“{shown}” is not the address of a tracker.", _FORM)
    return clean(f"{parts.scheme}://{parts.netloc}")
