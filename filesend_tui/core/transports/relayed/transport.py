"""The relayed road as a Transport: a secure connection through a pipe of the relay.

TLS 1.3 with pinned certificates, or sealed records with somebody who speaks no TLS: a browser.

For where nothing better gets through, or until it does: it begins a little later than others.
The relay sees sizes. The pipe itself is pipe.py's.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from typing import Any, Final

from filesend_tui.core.config import ClientConfig, RoadChoice
from filesend_tui.core.errors import ChannelFailed, FileSendError
from filesend_tui.core.transports.base import Attempt, Channel, RelayAccess, Slowing, Transport
from filesend_tui.core.transports.clues import Clue, RuledOut
from filesend_tui.core.transports.framed_channel import FramedChannel
from filesend_tui.core.transports.relayed.offer import BadRelayedOffer, RelayedOffer
from filesend_tui.core.transports.relayed.pipe import Pipe
from filesend_tui.core.transports.relayed.records import (
    BadRecord,
    Opening,
    Sealing,
    agree,
    new_key,
    public,
)
from filesend_tui.core.transports.relayed.sealed_connection import SealedConnection
from filesend_tui.core.transports.secure_connection import ConnectionBroken, SecureConnection
from filesend_tui.core.transports.tls.attempt import TaskAttempt
from filesend_tui.core.transports.tls.connection import TlsConnection
from filesend_tui.core.transports.tls.identity import BadCertificate, Identity, fingerprint
from relay.protocol.transit import PIPE

#: Seconds that others get before a pipe is asked for, so that most pairs never need one.
HEAD_START: Final = 1.0
#: Seconds that an open pipe waits for better ones in progress.
GRACE: Final = 1.0
#: Timeout in seconds for the handshake inside the pipe.
HANDSHAKE_TIMEOUT: Final = 10.0

_YES: Final = b"\x06"
_THIS_ONE: Final = b"\x01"
_UNREACHED: Final = "A peer could not be reached through the relay."


class RelayedTransport(Transport):
    """Channels through the relay that the two are paired at.

    Args:
        config: Whether other roads are allowed, and what relays are reached by.
    """

    name = "relayed"
    hides_addresses = True
    lasting = True
    makeshift = True
    hint = "Check that the other side is still there, and that the relay allows its transit."

    def __init__(self, config: ClientConfig) -> None:
        alone = config.road is RoadChoice.RELAYED
        self.grace = 0.0 if alone else GRACE
        self._head_start = 0.0 if alone else HEAD_START
        self._proxies = config.proxies
        self._identity: asyncio.Task[Identity] | None = None

    async def offer(self, relay: RelayAccess) -> Attempt:
        """See Transport."""
        identity = await self._own_identity()
        return RelayedAttempt(self, identity, secrets.token_bytes(PIPE), relay)

    async def answer(self, text: str, relay: RelayAccess) -> Attempt:
        """See Transport."""
        theirs = _decoded(text)
        attempt = RelayedAttempt(self, await self._own_identity(), theirs.pipe, relay)
        attempt.meet(theirs, chooses=True)
        return attempt

    async def open(self, name: bytes, relay: RelayAccess) -> Pipe:
        """Open an end of a pipe, after others had their head start. Raises ChannelFailed."""
        await asyncio.sleep(self._head_start)
        try:
            entry = await relay()
        except ChannelFailed:
            raise
        except FileSendError as error:
            raise ChannelFailed(f"The relay's transit cannot be used: {error}") from error
        if not entry.pass_:
            raise RuledOut("The relay carries no bytes.", Clue.NO_TRANSIT)
        return await Pipe.open(entry, name, self._proxies.of(entry.transit))

    async def _own_identity(self) -> Identity:
        if self._identity is None:
            self._identity = asyncio.create_task(asyncio.to_thread(Identity))
        return await asyncio.shield(self._identity)


class RelayedAttempt(TaskAttempt):
    """One meeting in a pipe.

    Args:
        transport: Opens the pipe.
        identity: This side's.
        pipe: The pipe's name.
        relay: Has the transit; asked once both texts are there.
    """

    def __init__(
        self, transport: RelayedTransport, identity: Identity, pipe: bytes, relay: RelayAccess
    ) -> None:
        super().__init__(_UNREACHED)
        self._transport = transport
        self._identity = identity
        self._pipe = pipe
        self._relay = relay
        self._key = new_key()
        self.text = RelayedOffer(pipe, identity.certificate, public(self._key)).encode()

    async def accept(self, text: str) -> None:
        """See Attempt."""
        theirs = _decoded(text)
        if theirs.pipe != self._pipe:
            raise ChannelFailed("A peer answered the offer of another pipe.")
        self.meet(theirs, chooses=False)

    def meet(self, theirs: RelayedOffer, *, chooses: bool) -> None:
        """Start to reach the partner. chooses: this side answered. Raises ChannelFailed."""
        try:
            if theirs.certificate:
                self._identity.trust(frozenset({theirs.certificate}))
                directions = None
            else:
                directions = agree(self._key, theirs.key, self._pipe, offered=not chooses)
        except (BadCertificate, BadRecord):
            raise _nonsense() from None
        self.begin(self._meet(fingerprint(theirs.certificate), directions, chooses=chooses))

    async def _meet(
        self, partner: bytes, directions: tuple[Sealing, Opening] | None, *, chooses: bool
    ) -> Channel:
        """Return the channel. partner: fingerprint of the certificate, where no directions are."""
        pipe = await self._transport.open(self._pipe, self._relay)
        # TLS roles by who offered. A pipe has no other ends: the certificate tells who this is.
        link: SecureConnection
        if directions is None:
            context = self._identity.context(server=not chooses)
            link = TlsInPipe(pipe, context, server=not chooses)
        else:
            link = SealedInPipe(pipe, *directions)
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT):
                if isinstance(link, TlsConnection):
                    await link.handshake()
                    if fingerprint(link.certificate) != partner:
                        raise ConnectionBroken("somebody else")
                await (self._choose(link) if chooses else self._be_chosen(link))
        except BaseException as error:
            link.close()
            await link.freed()
            if isinstance(error, ConnectionBroken | TimeoutError):
                raise ChannelFailed(_UNREACHED) from error
            raise
        return FramedChannel(link, RelayedTransport.name)

    async def _choose(self, link: SecureConnection) -> None:
        # In TLS 1.3 a client's handshake ends before its certificate is verified: only now it is.
        await link.send(self._pipe)
        if await link.receive(len(_YES)) != _YES:
            raise ConnectionBroken("not wanted")
        self.settle()
        await link.send(_THIS_ONE)

    async def _be_chosen(self, link: SecureConnection) -> None:
        if await link.receive(PIPE) != self._pipe:
            raise ConnectionBroken("another pipe")
        await link.send(_YES)
        if await link.receive(len(_THIS_ONE)) != _THIS_ONE:
            raise ConnectionBroken("it said something else")


class _InPipe(SecureConnection):
    """A connection whose other end is known as the relay."""

    _pipe: Pipe

    @property
    def address(self) -> str:
        """The relay."""
        return self._pipe.address

    @property
    def slowed(self) -> Slowing | None:
        """What the relay makes the pipe wait for."""
        return self._pipe.slowed

    @property
    def own_name(self) -> Any:
        """The name of this end's connection to the relay."""
        return self._pipe.own_name

    async def freed(self) -> None:
        """Wait until the pipe is freed; only after `close`."""
        await self._pipe.freed()


class TlsInPipe(_InPipe, TlsConnection):
    """TLS in a pipe."""

    def __init__(self, pipe: Pipe, context: ssl.SSLContext, *, server: bool) -> None:
        super().__init__(pipe.socket, context, server=server)
        self._pipe = pipe


class SealedInPipe(_InPipe, SealedConnection):
    """Sealed records in a pipe."""

    def __init__(self, pipe: Pipe, sealing: Sealing, opening: Opening) -> None:
        super().__init__(pipe.socket, sealing, opening)
        self._pipe = pipe


def _decoded(text: str) -> RelayedOffer:
    try:
        return RelayedOffer.decode(text)
    except BadRelayedOffer:
        raise _nonsense() from None


def _nonsense() -> ChannelFailed:
    return ChannelFailed("A peer's offer of a pipe makes no sense.")
