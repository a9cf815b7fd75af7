"""Making of direct channels: both sides listen and dial, and one connection stays.

Every connection begins with TLS between two certificates, each known from a sealed offer. The
dialling side sends the ticket of the offer it belongs to, the accepting side acknowledges it. One
side then chooses the first good connection, by a byte on it; the rest are closed. So both keep the
same one, in whatever order things happen. Strangers get nothing: they fail in TLS, a few at a time
and for a few seconds.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Final

from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.clues import Clue
from filesend_tui.core.transports.direct.obstacles import refusal
from filesend_tui.core.transports.direct.offer import (
    LOOPBACK,
    MAX_ADDRESSES,
    TICKET,
    DirectOffer,
    Endpoint,
    own_addresses,
    plausible,
)
from filesend_tui.core.transports.direct.port_mapping import PortMapping
from filesend_tui.core.transports.direct.ports import from_port, listen
from filesend_tui.core.transports.direct.reflection import next_ports, reflected
from filesend_tui.core.transports.framed_channel import FramedChannel
from filesend_tui.core.transports.secure_connection import ConnectionBroken
from filesend_tui.core.transports.tls.connection import TlsConnection
from filesend_tui.core.transports.tls.identity import BadCertificate, Identity, fingerprint
from filesend_tui.core.util.tasks import Tasks

#: Timeout in seconds for reaching a partner.
MEET_TIMEOUT: Final = 15.0
#: Timeout in seconds for a connection, from TCP to the acknowledged ticket.
HANDSHAKE_TIMEOUT: Final = 5.0
#: Timeout in seconds for one TCP connect.
CONNECT_TIMEOUT: Final = 4.0
#: Seconds between the first attempts at two addresses.
STAGGER: Final = 0.03
#: Backoff in seconds for an address: the partner may not have our offer yet. Doubled each time.
FIRST_RETRY: Final = 0.1
MAX_RETRY: Final = 2.0
#: Seconds for which a reflection counts. A router may have another address when the next offer is
#: made: perhaps that is why it is.
OUTSIDE_LASTS: Final = 5.0
#: Most unauthenticated connections at a time: in all, and from one address.
MAX_ARRIVING: Final = 32
MAX_ARRIVING_FROM_ONE: Final = 8
#: Good connections between the same two at a time: each dials every address of the other once.
MAX_LINKS: Final = 2 * MAX_ADDRESSES
#: Good connections of all meetings, from which on none is accepted: each is an open descriptor.
MAX_ALL_LINKS: Final = 4 * MAX_LINKS

_YES: Final = b"\x06"
_THIS_ONE: Final = b"\x01"

log = logging.getLogger(__name__)


class _Meeting:
    """One expected partner, and its good connections: each with an acknowledged ticket."""

    def __init__(
        self,
        ours: DirectOffer,
        theirs: DirectOffer,
        *,
        chooses: bool,
        chosen: Callable[[], None],
        failed: Callable[[Clue], None] = lambda _clue: None,
    ) -> None:
        # They punch to doors of ours. Without any, what comes from theirs is an ordinary
        # connection, which the router happened to give the port that was to come next.
        self._punched_from = frozenset(theirs.doors if ours.doors else ())
        self.theirs = theirs
        self.failed = failed
        self.partner = fingerprint(theirs.certificate)
        self._chooses = chooses
        self._chosen = chosen
        self._waiting: deque[TlsConnection] = deque()
        self._settling: dict[asyncio.Task[None], TlsConnection] = {}
        self._news = asyncio.Event()
        self._over = False

    @property
    def links(self) -> int:
        """The number of connections that it holds."""
        return len(self._waiting) + len(self._settling)

    def is_punched_from(self, source: Endpoint) -> bool:
        """Return whether a connection from there is one that the partner punches."""
        return source in self._punched_from

    def arrived(self, link: TlsConnection) -> None:
        """Take ownership of a good connection."""
        if self._over or self.links >= MAX_LINKS:
            link.close()
            return
        self._waiting.append(link)
        self._news.set()

    async def settle(self) -> TlsConnection:
        """Return the connection that both sides use from now on, once it is chosen."""
        while True:
            # The choosing side sends its choice on one at a time; the other reads all.
            while self._waiting and not (self._chooses and self._settling):
                link = self._waiting.popleft()
                if self._chooses:
                    self._chosen()
                task = asyncio.create_task(link.send(_THIS_ONE) if self._chooses else _told(link))
                self._settling[task] = link
                task.add_done_callback(lambda _task: self._news.set())
            self._news.clear()
            if not any(task.done() for task in self._settling) and not (
                self._waiting and not self._settling
            ):
                await self._news.wait()
            for task in [task for task in self._settling if task.done()]:
                link = self._settling.pop(task)
                if not task.cancelled() and task.exception() is None:
                    return link
                link.close()

    async def close(self) -> None:
        """Close the connections that were not chosen, and all that arrive from now on."""
        self._over = True
        for task in self._settling:
            task.cancel()
        await asyncio.gather(*self._settling, return_exceptions=True)
        for link in (*self._settling.values(), *self._waiting):
            link.close()
        self._settling.clear()
        self._waiting.clear()


class DirectRoad:
    """One client's end of all its direct channels: a certificate, listeners, and meetings.

    Nothing listens before `start`.

    Args:
        port: To listen on; any free one if 0.
        addresses: Of this machine; looked up if None.
        mapping: Whether to ask the router to map a port to this machine.
        local: Whether all partners are on this machine: then nobody else can connect, and no
            router is asked.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        addresses: tuple[str, ...] | None = None,
        mapping: bool = False,
        local: bool = False,
    ) -> None:
        self._port = port
        self._local = local
        self._wants_mapping = mapping and not local
        self._mapping: PortMapping | None = None
        self._addresses = LOOPBACK if local else addresses
        self._identity: Identity | None = None
        self._starting: asyncio.Task[None] | None = None
        self._listeners: list[socket.socket] = []
        self._meetings: dict[bytes, _Meeting] = {}
        self._outside: tuple[Endpoint, ...] = ()
        self._next_ports: tuple[int, ...] = ()
        self._looked: float | None = None
        self._arriving: Counter[str] = Counter()
        self._tasks = Tasks()
        self._endings: set[asyncio.Task[None]] = set()
        self._closed = False

    async def start(self) -> None:
        """Make the certificate and listen, once; later calls wait for the first.

        Raises:
            ChannelFailed: It cannot listen, or was closed.
        """
        if self._closed:
            raise ChannelFailed("This client has ended.")
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        await asyncio.shield(self._starting)

    async def _start(self) -> None:
        self._identity = await asyncio.to_thread(Identity)
        self._listeners = listen(self._port, local=self._local)
        if not self._listeners:
            raise ChannelFailed(
                "This machine lets nobody connect to it directly.",
                "Choose another port, or --road webrtc.",
            )
        for listener in self._listeners:
            self._tasks.spawn(self._accept(listener))
            if self._wants_mapping and listener.family == socket.AF_INET:
                self._mapping = PortMapping(listener.getsockname()[1])
                self._mapping.start()

    def offer(self) -> DirectOffer:
        """Return our half for one partner, known or not. Only after `start`."""
        assert self._identity is not None
        ports = self._ports
        endpoints = []
        for host in self._addresses or own_addresses():
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            if port := ports.get(family):
                endpoints.append(Endpoint(host, port))
        beyond = [self._mapping.endpoint] if self._mapping and self._mapping.endpoint else []
        if self._port:
            # Perhaps a person forwarded it, also where the router shows connections at another.
            forwarded = [Endpoint(e.host, self._port) for e in self._outside if ":" not in e.host]
            beyond += [each for each in forwarded if each not in (*self._outside, *beyond)]
        endpoints = [*endpoints[: MAX_ADDRESSES - len(beyond)], *beyond]
        return DirectOffer(
            secrets.token_bytes(TICKET),
            self._identity.certificate,
            tuple(endpoints),
            self._outside,
            self._next_ports,
        )

    @property
    def fixed_port(self) -> int:
        """The port that the settings name; 0 for any free one."""
        return self._port

    @property
    def outside_is_due(self) -> bool:
        """Whether to look outside: it was not done for a while, and there may be a router."""
        now = asyncio.get_running_loop().time()
        return not self._local and (self._looked is None or now >= self._looked + OUTSIDE_LASTS)

    def forget_outside(self) -> None:
        """Offer nothing more of what `look_outside` found."""
        self._outside, self._next_ports, self._looked = (), (), None

    async def look_outside(self, url: str) -> None:
        """Ask where connections from the listening ports come from. Only after `start`.

        url: the relay's reflection.
        """
        self._looked = asyncio.get_running_loop().time()
        found = await asyncio.gather(
            *(reflected(url, family, port) for family, port in self._ports.items())
        )
        # What is this machine's own address for everybody is among the others; IPv6 has firewalls.
        own = set(self._addresses or own_addresses())
        self._outside = tuple(
            each
            for each in found
            if each is not None and (":" in each.host or each.host not in own)
        )
        self._next_ports = await self._look_ahead(url)

    async def _look_ahead(self, url: str) -> tuple[int, ...]:
        """Return the ports that the router gives next; none where it keeps ports."""
        v4 = next((each for each in self._outside if ":" not in each.host), None)
        if v4 is None or v4.port == self._ports.get(socket.AF_INET):
            return ()
        return await next_ports(url, socket.AF_INET, v4)

    async def meet(
        self,
        ours: DirectOffer,
        theirs: DirectOffer,
        *,
        chooses: bool,
        chosen: Callable[[], None] = lambda: None,
        failed: Callable[[Clue], None] = lambda _clue: None,
        timeout: float = MEET_TIMEOUT,
    ) -> FramedChannel:
        """Reach the partner that made `theirs` and received `ours`.

        Args:
            ours: Our half.
            theirs: The partner's.
            chooses: Whether this side chooses the connection, and so is the first to have it; the
                partner then does not.
            chosen: Called if this side chooses, right before the partner may learn the choice.
            failed: Called with how a connection to one of the partner's addresses failed.
            timeout: Seconds.

        Raises:
            ChannelFailed: Not within `timeout` seconds.
        """
        identity = self._identity
        assert identity is not None
        try:
            identity.trust(
                frozenset((theirs.certificate, *(m.certificate for m in self._expected)))
            )
        except BadCertificate:
            raise ChannelFailed("A peer's direct offer makes no sense.") from None
        meeting = self._meetings[ours.ticket] = _Meeting(
            ours, theirs, chooses=chooses, chosen=chosen, failed=failed
        )
        here = self._addresses or own_addresses()
        dialling = []
        if self._outside:
            # First, and in order: every connection takes the next port of a router that counts up.
            dialling += [
                self._tasks.spawn(self._punch(meeting, endpoint))
                for endpoint in plausible(theirs.doors, here)
            ]
        dialling += [
            self._tasks.spawn(self._dial(meeting, endpoint, position * STAGGER))
            for position, endpoint in enumerate(plausible(theirs.endpoints, here))
        ]
        try:
            async with asyncio.timeout(timeout):
                link = await meeting.settle()
        except TimeoutError:
            raise ChannelFailed("A peer could not be reached directly.") from None
        finally:
            del self._meetings[ours.ticket]
            # In the background: the partner may have the connection already, and a cancel or a
            # timeout during the cleanup would leave the two sides with different transports.
            ending = asyncio.create_task(_end(meeting, dialling))
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)
        return FramedChannel(link, "direct")

    async def close(self) -> None:
        """Stop listening and cancel every meeting; channels given out stay open."""
        self._closed = True
        if self._starting is not None:
            await asyncio.wait({self._starting})
        await self._tasks.cancel()
        await asyncio.gather(*self._endings, return_exceptions=True)
        for listener in self._listeners:
            listener.close()
        if self._mapping is not None:
            await self._mapping.close()

    @property
    def _ports(self) -> dict[socket.AddressFamily, int]:
        """The port that it listens on, of each family."""
        return {each.family: each.getsockname()[1] for each in self._listeners}

    @property
    def _expected(self) -> list[DirectOffer]:
        return [meeting.theirs for meeting in self._meetings.values()]

    # -- dialling

    async def _dial(self, meeting: _Meeting, endpoint: Endpoint, delay: float) -> None:
        """Try one address, with backoff, until a connection is good or the meeting is over."""
        await asyncio.sleep(delay)
        await self._try(meeting, lambda: _connect(endpoint), server=False)

    async def _punch(self, meeting: _Meeting, endpoint: Endpoint) -> None:
        """Dial from the listening port, as the partner does at the same time.

        So each router has seen a packet to the other before it lets one in, and TCP opens from both
        ends (RFC 9293, section 3.5).
        """
        family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
        if port := self._ports.get(family):
            await self._try(
                meeting,
                lambda: _connect(endpoint, from_port(family, port)),
                server=self._is_server(meeting),
            )

    async def _try(
        self, meeting: _Meeting, connect: Callable[[], Awaitable[socket.socket]], *, server: bool
    ) -> None:
        retry = FIRST_RETRY
        while True:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    sock = await connect()
            except (OSError, TimeoutError) as error:
                log.debug("an address of a peer does not answer")
                meeting.failed(refusal(error))
            else:
                link = self._link(sock, server=server)
                try:
                    async with asyncio.timeout(HANDSHAKE_TIMEOUT):
                        if server:
                            meeting = await self._greeted(link)
                        else:
                            await self._greet(meeting, link)
                    meeting.arrived(link)
                    return
                except (ConnectionBroken, TimeoutError):
                    link.close()
                except BaseException:
                    link.close()
                    raise
            await asyncio.sleep(retry)
            retry = min(2 * retry, MAX_RETRY)

    async def _greet(self, meeting: _Meeting, link: TlsConnection) -> None:
        await link.handshake()
        if fingerprint(link.certificate) != meeting.partner:
            raise ConnectionBroken("somebody else")
        await link.send(meeting.theirs.ticket)
        # In TLS 1.3 a client's handshake ends before its certificate is verified: only now it is.
        if await link.receive(len(_YES)) != _YES:
            raise ConnectionBroken("not wanted")

    # -- accepting

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, address = await loop.sock_accept(listener)
            except OSError:
                # Such as too many open descriptors: others will be closed.
                await asyncio.sleep(FIRST_RETRY)
                continue
            host = str(address[0])
            if (
                not self._meetings
                or self._arriving.total() >= MAX_ARRIVING
                or self._arriving[host] >= MAX_ARRIVING_FROM_ONE
                or sum(meeting.links for meeting in self._meetings.values()) >= MAX_ALL_LINKS
            ):
                sock.close()
                continue
            self._arriving[host] += 1
            self._tasks.spawn(self._receive(sock, Endpoint(host, int(address[1]))))

    async def _receive(self, sock: socket.socket, source: Endpoint) -> None:
        """Authenticate an accepted connection; close it if it belongs to no meeting."""
        host = source.host
        # One that `_punch` made, and that came here before ours left.
        punched = next((m for m in self._meetings.values() if m.is_punched_from(source)), None)
        server = punched is None or self._is_server(punched)
        link = self._link(sock, server=server)
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT):
                if punched is None or server:
                    meeting = await self._greeted(link)
                else:
                    await self._greet(punched, link)
                    meeting = punched
            meeting.arrived(link)
        except (ConnectionBroken, TimeoutError):
            link.close()
        except BaseException:
            link.close()
            raise
        finally:
            self._arriving[host] -= 1
            if not self._arriving[host]:
                del self._arriving[host]

    def _is_server(self, meeting: _Meeting) -> bool:
        """Return whether this side is the TLS server of a connection that nobody accepted.

        The same for all meetings of two, as it is not known of which of them that connection is.
        """
        assert self._identity is not None
        return fingerprint(self._identity.certificate) > meeting.partner

    async def _greeted(self, link: TlsConnection) -> _Meeting:
        """Return the meeting that a connection belongs to. Raises ConnectionBroken."""
        await link.handshake()
        meeting = self._meetings.get(await link.receive(TICKET))
        if meeting is None or fingerprint(link.certificate) != meeting.partner:
            raise ConnectionBroken("nobody who is expected")
        await link.send(_YES)
        return meeting

    def _link(self, sock: socket.socket, *, server: bool) -> TlsConnection:
        assert self._identity is not None
        return TlsConnection(sock, self._identity.context(server=server), server=server)


async def _end(meeting: _Meeting, dialling: list[asyncio.Task[None]]) -> None:
    for task in dialling:
        task.cancel()
    await asyncio.gather(*dialling, return_exceptions=True)
    await meeting.close()


async def _connect(endpoint: Endpoint, sock: socket.socket | None = None) -> socket.socket:
    """Connect to an address. sock: what connects, else a new one. Raises OSError."""
    family, address = socket.AF_INET, tuple(endpoint)
    if ":" in endpoint.host:
        # Flow and scope: Windows' event loop interprets an address of two parts as IPv4.
        family, address = socket.AF_INET6, (*endpoint, 0, 0)
    sock = sock or socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


async def _told(link: TlsConnection) -> None:
    """Return when the other side chose this connection."""
    if await link.receive(len(_THIS_ONE)) != _THIS_ONE:
        raise ConnectionBroken("it said something else")
