"""Looking at one set of interfaces with zeroconf, until it is closed; imported late, as it is slow.

What the library keeps of answers is counted, since anybody on a network may send any number.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from zeroconf import (
    DNSQuestionType,
    RecordUpdate,
    RecordUpdateListener,
    ServiceStateChange,
    Zeroconf,
)
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from filesend_tui.core.nearby.announced import Announced, Own
from filesend_tui.core.nearby.interfaces import Here
from filesend_tui.core.util.token_bucket import TokenBucket
from relay.protocol import nearby

#: Most announcements that change until they are looked at.
_MAX_CHANGES: Final = 256
#: How long where an announcement leads is asked for, in milliseconds.
_ASKING: Final = 2000
#: The port of what listens nowhere (RFC 6763, 2).
_NO_PORT: Final = 0


class Browser:
    """A look at some interfaces; an asynchronous context manager. Opening it raises OSError.

    flooded: it was told more than may be kept, and is to be closed.
    """

    def __init__(self, here: Here, service: str) -> None:
        self._here = here
        self._service = service
        self._own: AsyncServiceInfo | None = None
        self._something = asyncio.Event()
        self._changes: dict[str, bool] = {}
        self.flooded = False
        # It would write to the log what strangers send, and how.
        logging.getLogger("zeroconf").setLevel(logging.CRITICAL)

    async def __aenter__(self) -> Self:
        self._zeroconf = AsyncZeroconf(interfaces=list(self._here.interfaces))
        zeroconf = self._zeroconf.zeroconf
        try:
            await zeroconf.async_wait_for_start()
            if not zeroconf.engine.senders:
                raise OSError("no interface can multicast")
            zeroconf.async_add_listener(_Guard(self._full), None)
            # QM: an answer to this machine alone would reach any one of those who listen here.
            self._browser = AsyncServiceBrowser(
                zeroconf,
                self._service,
                handlers=[self._changed],
                question_type=DNSQuestionType.QM,
            )
        except BaseException:
            await self._zeroconf.async_close()
            raise
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self._browser.async_cancel()
        await self._zeroconf.async_close()
        nearby.forget(self._zeroconf.zeroconf)

    async def changes(self, seconds: float) -> dict[str, bool]:
        """Return which announcements came or changed, True, and which went, once any did.

        At most _MAX_CHANGES; none after so many seconds, or where it is flooded.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._something.wait()
        self._something.clear()
        told, self._changes = self._changes, {}
        return told

    async def tell(self, own: Own) -> None:
        """Announce this of this side, in place of what was announced before."""
        before = self._own
        self._own = AsyncServiceInfo(
            self._service,
            nearby.full_name(own.instance, self._service),
            port=_NO_PORT,
            properties=dict(own.facts),
            server=before.server if before is not None else f"{nearby.new_instance()}.local.",
            addresses=[each.packed for each in self._here.told],
            host_ttl=nearby.HOST_TTL,
            other_ttl=nearby.HOST_TTL,
        )
        if before is None:
            # The name is random, so nobody is asked whether it is taken: see relay/announcement.py.
            await self._zeroconf.async_register_service(self._own, cooperating_responders=True)
        else:
            await self._zeroconf.async_update_service(self._own)

    def said_by(self, instance: str) -> Announced | None:
        """Return what an announcement says; None where that is not known."""
        info = self._info(instance)
        return _announced(info) if info.load_from_cache(self._zeroconf.zeroconf) else None

    async def ask(self, instance: str) -> Announced | None:
        """Ask the network what an announcement says; return it as `said_by` does."""
        info = self._info(instance)
        told = await info.async_request(
            self._zeroconf.zeroconf, _ASKING, question_type=DNSQuestionType.QM
        )
        return _announced(info) if told else None

    def _info(self, instance: str) -> AsyncServiceInfo:
        return AsyncServiceInfo(self._service, nearby.full_name(instance, self._service))

    def _changed(
        self,
        zeroconf: Zeroconf,  # noqa: ARG002 - the library's
        service_type: str,  # noqa: ARG002
        name: str,
        state_change: ServiceStateChange,
    ) -> None:
        instance = nearby.instance_of(name, self._service)
        if instance is None or (
            instance not in self._changes and len(self._changes) >= _MAX_CHANGES
        ):
            return
        self._changes[instance] = state_change is not ServiceStateChange.Removed
        self._something.set()

    def _full(self) -> None:
        if not self.flooded:
            nearby.hear_no_more(self._zeroconf.zeroconf)
        self.flooded = True
        self._something.set()


class _Guard(RecordUpdateListener):
    """Counts what the library keeps of answers, and calls `full` where that is too much."""

    def __init__(self, full: Callable[[], None]) -> None:
        super().__init__()
        self._full = full
        self._left = nearby.ANSWERS_IN_ALL
        self._now = asyncio.get_running_loop().time
        self._bucket = TokenBucket(nearby.ANSWERS_BURST, nearby.ANSWERS_PER_SECOND, self._now())

    def async_update_records(
        self,
        zc: Zeroconf,  # noqa: ARG002 - the library's
        now: float,  # noqa: ARG002
        records: list[RecordUpdate],
    ) -> None:
        """Count these."""
        weight = sum(nearby.weight(each.new) for each in records)
        self._left -= weight
        if self._left < 0 or not self._bucket.spend(weight, self._now()):
            self._full()

    def async_update_records_complete(self) -> None:
        """Do nothing: they are counted."""


def _announced(info: AsyncServiceInfo) -> Announced:
    addresses = tuple(info.parsed_scoped_addresses()[: nearby.MAX_ADDRESSES])
    return Announced(addresses, info.port or 0, info.properties)
