"""Looking at one set of interfaces with zeroconf, until it is closed; imported late, as it is slow.

What the library keeps of answers is counted, since anybody on a network may send any number.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, NamedTuple, Self

from zeroconf import (
    DNSQuestionType,
    RecordUpdate,
    RecordUpdateListener,
    ServiceStateChange,
    Zeroconf,
)
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from filesend_tui.core.nearby.interfaces import Here
from filesend_tui.core.util.token_bucket import TokenBucket
from relay.protocol import nearby

#: Most announcements that change until they are looked at.
_MAX_CHANGES: Final = 256
#: How long where an announcement leads is asked for, in milliseconds.
_ASKING: Final = 2000


class Place(NamedTuple):
    """Where an announcement leads. addresses: as Here.url takes them; none: it is not for us."""

    addresses: tuple[str, ...]
    port: int


class Browser:
    """A look at some interfaces; an asynchronous context manager. Opening it raises OSError.

    flooded: it was told more than may be kept, and is to be closed.
    """

    def __init__(self, here: Here) -> None:
        self._here = here
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
                nearby.SERVICE_TYPE,
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

    def place(self, instance: str) -> Place | None:
        """Return where an announcement leads; None where that is not known."""
        info = AsyncServiceInfo(nearby.SERVICE_TYPE, nearby.full_name(instance))
        return _place(info) if info.load_from_cache(self._zeroconf.zeroconf) else None

    async def ask(self, instance: str) -> Place | None:
        """Ask the network where an announcement leads; return it as `place` does."""
        info = AsyncServiceInfo(nearby.SERVICE_TYPE, nearby.full_name(instance))
        told = await info.async_request(
            self._zeroconf.zeroconf, _ASKING, question_type=DNSQuestionType.QM
        )
        return _place(info) if told else None

    def _changed(
        self,
        zeroconf: Zeroconf,  # noqa: ARG002 - the library's
        service_type: str,  # noqa: ARG002
        name: str,
        state_change: ServiceStateChange,
    ) -> None:
        instance = nearby.instance_of(name)
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


def _place(info: AsyncServiceInfo) -> Place:
    version = info.properties.get(nearby.VERSION_KEY.encode())
    if version != nearby.VERSION.encode() or info.port is None:
        return Place((), 0)
    return Place(tuple(info.parsed_scoped_addresses()[: nearby.MAX_ADDRESSES]), info.port)
