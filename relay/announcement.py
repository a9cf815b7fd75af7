"""The announcement of a relay on the networks of this machine, kept right while it runs.

It helps others to find the relay, and the relay does without it: what fails is written to the log
and tried again. Names and bounds are protocol/nearby.py's. No connection of anybody lives here.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple, TypeAlias

import ifaddr
from zeroconf import RecordUpdate, RecordUpdateListener, Zeroconf
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from relay.guard.buckets import TokenBucket
from relay.guard.limits import Rate
from relay.protocol import nearby

logger = logging.getLogger(__name__)

IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Seconds between two looks at the addresses of this machine, and after a failure.
LOOK: Final = 3.0
_RETRY: Final = 30.0
#: Timeouts in seconds: of one announcement, and of the goodbye.
_TELLING: Final = 10.0
_GOODBYE: Final = 2.0


class Reach(NamedTuple):
    """Where a relay is reached from networks of this machine.

    interfaces: as zeroconf takes them, addresses of IPv4 and indexes of interfaces for IPv6.
    addresses: those that are told.
    """

    interfaces: tuple[str | int, ...]
    addresses: tuple[str, ...]


class Announcement:
    """What tells the networks of this machine of a relay, from `run` on until that is cancelled.

    Args:
        listener: The relay's listening socket.
        instance: Its name, as nearby.new_instance returns it.
        look: Seconds between two looks at the addresses.
    """

    def __init__(self, listener: socket.socket, instance: str, look: float = LOOK) -> None:
        self._listener = listener
        self._look_every = look
        self._info = AsyncServiceInfo(
            nearby.SERVICE_TYPE,
            nearby.full_name(instance),
            port=listener.getsockname()[1],
            properties={nearby.VERSION_KEY: nearby.VERSION, nearby.PATH_KEY: nearby.PATH},
            server=f"{secrets.token_hex(4)}.local.",
            host_ttl=nearby.HOST_TTL,
            other_ttl=nearby.HOST_TTL,
        )
        self._zeroconf: AsyncZeroconf | None = None
        self._reach = Reach((), ())
        self._flooded = asyncio.Event()
        self._complained = False
        # It would write to the log what strangers send, and how.
        logging.getLogger("zeroconf").setLevel(logging.CRITICAL)

    @property
    def reach(self) -> Reach:
        """What is announced now; empty where nothing is."""
        return self._reach

    async def run(self) -> None:
        """Announce it, again whenever addresses change; withdraw it when cancelled."""
        try:
            while True:
                await self._wait(await self._look())
        finally:
            await self._withdraw()

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._flooded.wait()

    async def _look(self) -> float:
        """Announce what is not announced yet; return after how many seconds to look again."""
        if self._flooded.is_set():
            logger.info("the network says too much by mDNS: it is left alone for a while")
            await self._close(goodbye=False)
            self._flooded.clear()
            return nearby.PAUSE
        reach = await asyncio.to_thread(reach_of, self._listener)
        if reach == self._reach:
            return self._look_every
        try:
            async with asyncio.timeout(_TELLING):
                await self._announce(reach)
        except Exception as error:  # the library's own, of sockets, of the system
            await self._close(goodbye=False)
            # Once: a network that forbids multicast goes on to do so.
            level = logging.DEBUG if self._complained else logging.WARNING
            self._complained = True
            logger.log(level, "this relay is not announced on the network: %s", error)
            return _RETRY
        return self._look_every

    async def _announce(self, reach: Reach) -> None:
        if not reach.addresses:
            await self._close(goodbye=False)
            return
        self._info.addresses = [ipaddress.ip_address(each).packed for each in reach.addresses]
        interfaces = list(reach.interfaces)
        if self._zeroconf is None:
            self._zeroconf = AsyncZeroconf(interfaces=interfaces)
            zeroconf = self._zeroconf.zeroconf
            await zeroconf.async_wait_for_start()
            if not zeroconf.engine.senders:
                raise OSError("no interface can multicast")
            zeroconf.async_add_listener(_Guard(partial(self._full, zeroconf)), None)
            # The name is random, so nobody is asked whether it is taken: whoever wants this relay
            # not to be found could say yes.
            told = await self._zeroconf.async_register_service(
                self._info, cooperating_responders=True
            )
        else:
            await self._zeroconf.async_update_interfaces(interfaces)
            told = await self._zeroconf.async_update_service(self._info)
        self._reach = reach
        await told
        logger.info("announced on the network, at %s", ", ".join(reach.addresses))

    def _full(self, zeroconf: Zeroconf) -> None:
        nearby.hear_no_more(zeroconf)
        self._flooded.set()

    async def _withdraw(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE):
                await self._close(goodbye=True)

    async def _close(self, *, goodbye: bool) -> None:
        self._reach = Reach((), ())
        opened, self._zeroconf = self._zeroconf, None
        if opened is None:
            return
        if not goodbye:
            # What would be sent, which also takes the services out of the registry.
            opened.zeroconf.generate_unregister_all_services()
        try:
            await opened.async_close()
        except Exception as error:
            logger.info("the announcement did not end well: %s", error)
        nearby.forget(opened.zeroconf)


class _Guard(RecordUpdateListener):
    """Counts what the library keeps of others' answers, and calls `full` where that is too much."""

    def __init__(self, full: Callable[[], None]) -> None:
        super().__init__()
        self._full = full
        self._left = nearby.ANSWERS_IN_ALL
        self._now = asyncio.get_running_loop().time
        rate = Rate(nearby.ANSWERS_BURST, nearby.ANSWERS_PER_SECOND)
        self._bucket = TokenBucket(rate, self._now())

    def async_update_records(
        self,
        zc: Zeroconf,  # noqa: ARG002 - the library's
        now: float,  # noqa: ARG002
        records: list[RecordUpdate],
    ) -> None:
        """Count these."""
        weight = sum(nearby.weight(each.new) for each in records)
        self._left -= weight
        if self._left < 0 or not self._bucket.take(self._now(), weight):
            self._full()

    def async_update_records_complete(self) -> None:
        """Do nothing: they are counted."""


def reach_of(listener: socket.socket) -> Reach:
    """Return where a listening socket is reached from networks of this machine, in order."""
    host = ipaddress.ip_address(listener.getsockname()[0].partition("%")[0])
    both = listener.family == socket.AF_INET6 and not listener.getsockopt(
        socket.IPPROTO_IPV6, socket.IPV6_V6ONLY
    )
    interfaces: dict[str | int, None] = {}
    addresses: list[IpAddress] = []
    for adapter in ifaddr.get_adapters():
        for entry in adapter.ips:
            text = entry.ip if isinstance(entry.ip, str) else entry.ip[0]
            address = ipaddress.ip_address(text.partition("%")[0])
            listens = (
                address == host
                if not host.is_unspecified
                else address.version == host.version or both
            )
            if not listens or address.is_loopback or address.is_unspecified:
                continue
            where = str(address) if address.version == 4 else adapter.index
            if where is not None and len(interfaces) < nearby.MAX_INTERFACES:
                interfaces[where] = None
                addresses.append(address)
    # A link-local address of IPv6 says nothing on any link but its own, which is not told with it.
    far = [each for each in addresses if each.version == 4 or not each.is_link_local] or addresses
    told = tuple(dict.fromkeys(map(str, far)))[: nearby.MAX_ADDRESSES]
    return Reach(tuple(interfaces), told)
