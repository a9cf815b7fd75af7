"""Which of several TURN servers to use: the first that gives an allocation, by UDP if possible.

aiortc keeps one of the servers that it is told, and libjuice speaks UDP to them alone: so whoever
is behind a firewall that blocks UDP needs somebody to find out which one works. Each is asked for
an allocation (RFC 8656), which is given back at once. Where a relay may send this client is
relay_turn.py's; what the allocation is used for never lives here.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from filesend_tui.core.config import IceServer
from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.util.tls import system_trust
from filesend_tui.core.util.unreachable import why_unreached
from relay.protocol.turn import TurnUrl, parse_turn_url

#: Ways to a server, the best first: each that is slower or costs more gets its turn later.
TRANSPORTS: Final = ("udp", "tcp", "tls")
#: Seconds that servers reached by a better transport have before the next one is tried beside
#: them: enough for one lost packet, which is sent again after half a second.
HEAD_START: Final = 1.0
#: Timeout in seconds for all of them; gathering has eight in all.
TIMEOUT: Final = 5.0
#: Seconds for which a choice holds, and for which nothing is tried again where none works.
CHOICE_LIFETIME: Final = 300.0
FAILURE_LIFETIME: Final = 20.0
#: Most choices that are remembered: people may be met at several relays.
_MOST: Final = 8
#: Seconds to wait for an allocation to be given back; it ends by itself, too.
_GIVE_BACK: Final = 0.5

log = logging.getLogger(__name__)


class Server(NamedTuple):
    """A TURN server. ice: as it is told to a stack. at: where it is asked."""

    ice: IceServer
    at: TurnUrl


class _Choice(NamedTuple):
    until: float
    #: Position of the chosen one; None: none works.
    position: int | None
    failure: ChannelFailed


def server_of(ice: IceServer) -> Server | None:
    """Return a server of the settings as one to ask; None where it is no TURN server."""
    try:
        return Server(ice, parse_turn_url(ice.urls))
    except ValueError:
        return None


class TurnChoice:
    """Finds out which server works, and remembers it for as long as this machine's network is one.

    clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: The last few: by the servers of each relay, and this machine's network.
        self._choices: dict[object, _Choice] = {}
        self._locks: defaultdict[object, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def choose(self, servers: Sequence[Server]) -> IceServer:
        """Return the server to use; several callers wait for one answer.

        Args:
            servers: At least one; of those that one transport reaches, whichever answers first.

        Raises:
            ChannelFailed: None works; why, of the last one.
        """
        # Not the login, which a relay makes anew each time.
        key = (tuple(server.at for server in servers), _own_network())
        async with self._locks[key]:
            choice = self._choices.pop(key, None)
            if choice is None or self._clock() >= choice.until:
                choice = await self._find(servers)
            self._choices[key] = choice  # the newest is the last
        while len(self._choices) > _MOST:
            gone = next(iter(self._choices))
            del self._choices[gone]
            if not self._locks[gone].locked():
                del self._locks[gone]
        if choice.position is None:
            raise ChannelFailed(choice.failure.message, choice.failure.hint)
        return servers[choice.position].ice

    def forget(self) -> None:
        """Forget the choice: what was chosen does not work, or not any more."""
        self._choices.clear()

    async def _find(self, servers: Sequence[Server]) -> _Choice:
        position, failure = await first_to_allocate(servers)
        lifetime = CHOICE_LIFETIME if position is not None else FAILURE_LIFETIME
        return _Choice(self._clock() + lifetime, position, failure)


async def first_to_allocate(servers: Sequence[Server]) -> tuple[int | None, ChannelFailed]:
    """Return the position of the first server that gives an allocation, and how the last failed."""
    failure = ChannelFailed("No TURN server answers.", "Check the TURN server, and any firewall.")
    asked: dict[asyncio.Task[None], int] = {}
    waves = [
        [index for index, server in enumerate(servers) if server.at.transport == transport]
        for transport in TRANSPORTS
    ]
    waves = [wave for wave in waves if wave]
    loop = asyncio.get_running_loop()
    end = loop.time() + TIMEOUT
    try:
        for number, wave in enumerate(waves, 1):
            asked |= {asyncio.create_task(allocate(servers[index])): index for index in wave}
            until = end if number == len(waves) else min(end, loop.time() + HEAD_START)
            while running := [task for task in asked if not task.done()]:
                left = until - loop.time()
                if left <= 0:
                    break
                await asyncio.wait(running, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                good = [index for task, index in asked.items() if _succeeded(task)]
                if good:
                    return good[0], failure
            for task in asked:
                error = task.exception() if task.done() else None
                failure = error if isinstance(error, ChannelFailed) else failure
        return None, failure
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


async def allocate(server: Server) -> None:
    """Get an allocation of a server, and give it back.

    Raises:
        ChannelFailed: It gave none; the text says why, and holds no login.
    """
    from aioice import stun, turn

    at = server.at
    context = await system_trust() if at.transport == "tls" else None
    returned: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    name = f"The TURN server at {server.ice.urls}"
    try:
        async with asyncio.timeout(TIMEOUT):
            endpoint, _ = await turn.create_turn_endpoint(
                lambda: _Nobody(returned),
                (at.host, at.port),
                username=server.ice.username,
                password=server.ice.credential,
                ssl=context,
                transport="udp" if at.transport == "udp" else "tcp",
            )
    except stun.TransactionFailed as refusal:
        raise _refused(name, refusal.response.error_code) from None
    except Exception as error:
        # Whatever aioice raises for what a server sends.
        log.debug("a TURN server gave no allocation: %r", error)
        why = why_unreached(error)
        raise ChannelFailed(
            f"{name} cannot be used: {why.reason if why else 'it makes no sense'}.",
            (why and why.hint) or "Check its address, and any firewall.",
        ) from None
    endpoint.close()
    await asyncio.wait({returned}, timeout=_GIVE_BACK)


def _refused(name: str, code: int | None) -> ChannelFailed:
    if code == 401:
        return ChannelFailed(f"{name} does not take the login.", "Check it, and the clocks.")
    if code == 486:
        return ChannelFailed(f"{name} gives this user no more.", "Try again in ten minutes.")
    return ChannelFailed(f"{name} refuses, with error {code}.", "Ask whoever runs it.")


def _succeeded(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _own_network() -> frozenset[str]:
    """Return this machine's addresses: with others it is in another network."""
    import ifaddr

    return frozenset(str(each.ip) for adapter in ifaddr.get_adapters() for each in adapter.ips)


class _Nobody(asyncio.DatagramProtocol):
    """Who has an allocation that is given back. returned: set once it is."""

    def __init__(self, returned: asyncio.Future[None]) -> None:
        self._returned = returned

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if not self._returned.done():
            self._returned.set_result(None)

    def error_received(self, exc: Any) -> None:
        pass
