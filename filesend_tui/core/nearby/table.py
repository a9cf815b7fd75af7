"""Which relays are known of what is announced: bounds on how many, and how often anything is told.

Pure: names and URLs come in, two callbacks are called, and the time is passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from filesend_tui.core.util.token_bucket import TokenBucket

#: Most relays at once.
MAX_RELAYS: Final = 16
#: Most announcements that are looked at; of those that led to no relay the oldest make way.
MAX_NAMES: Final = 64
#: New relays that are told of: at once, and a second.
_BURST: Final = 32
_PER_SECOND: Final = 1.0


class NearbyRelay(NamedTuple):
    """A relay on a network of this machine, as somebody there announced it.

    url: `http://address:port`. instance: the random name of its announcement.
    """

    url: str
    instance: str


class Table:
    """The announcements that are there.

    Args:
        found: Called with each relay that can be connected to.
        gone: Called with it once it cannot.
        own: Returns the name of this process's own relay, which is left out; empty: it has none.
        now: Any monotonic clock, in seconds.
    """

    def __init__(
        self,
        found: Callable[[NearbyRelay], None],
        gone: Callable[[NearbyRelay], None],
        own: Callable[[], str],
        now: float,
    ) -> None:
        self._found = found
        self._gone = gone
        self._own = own
        self._told = TokenBucket(_BURST, _PER_SECOND, now)
        self._relays: dict[str, NearbyRelay | None] = {}

    @property
    def relays(self) -> tuple[NearbyRelay, ...]:
        """Those that were told of and are not gone."""
        return tuple(each for each in self._relays.values() if each is not None)

    @property
    def names(self) -> tuple[str, ...]:
        """The announcements to look at."""
        return tuple(self._relays)

    def announced(self, name: str) -> None:
        """Note an announcement; one more than MAX_NAMES takes the place of one that led nowhere."""
        if name in self._relays:
            return
        if len(self._relays) >= MAX_NAMES:  # MAX_RELAYS of them are relays at most
            oldest = next(each for each, relay in self._relays.items() if relay is None)
            del self._relays[oldest]
        self._relays[name] = None

    def is_at(self, name: str, url: str | None, now: float) -> None:
        """Note where an announcement leads as of now; None: to nothing that may be used."""
        if name not in self._relays:
            return
        if name == self._own():
            url = None
        known = self._relays[name]
        if known is not None and known.url != url:
            self._relays[name] = None
            self._gone(known)
            known = None
        if known is not None or url is None:
            return
        if len(self.relays) < MAX_RELAYS and self._told.spend(1, now):
            self._relays[name] = relay = NearbyRelay(url, name)
            self._found(relay)

    def withdrawn(self, name: str) -> None:
        """Note that an announcement is there no more."""
        relay = self._relays.pop(name, None)
        if relay is not None:
            self._gone(relay)

    def keep_only(self, names: frozenset[str]) -> None:
        """Withdraw all announcements but these."""
        for name in self.names:
            if name not in names:
                self.withdrawn(name)
