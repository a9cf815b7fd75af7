"""What is known of what is announced: bounds on how many, and how often anything is told.

Pure: names and rows come in, two callbacks are called, and the time is passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from filesend_tui.core.util.token_bucket import TokenBucket

#: Most rows at once.
MAX_ROWS: Final = 16
#: Most announcements that are looked at; of those that led to no row the oldest make way.
MAX_NAMES: Final = 64
#: New rows that are told of: at once, and a second.
_BURST: Final = 32
_PER_SECOND: Final = 1.0


Row = TypeVar("Row")


class Table(Generic[Row]):
    """The announcements that are there, each with what it means.

    Args:
        found: Called with each row that is of use.
        gone: Called with it once it is not.
        own: Returns the name of this process's own, which is left out; empty: it has none.
        now: Any monotonic clock, in seconds.
    """

    def __init__(
        self,
        found: Callable[[Row], None],
        gone: Callable[[Row], None],
        own: Callable[[], str],
        now: float,
    ) -> None:
        self._found = found
        self._gone = gone
        self._own = own
        self._told = TokenBucket(_BURST, _PER_SECOND, now)
        self._rows: dict[str, Row | None] = {}

    @property
    def rows(self) -> tuple[Row, ...]:
        """Those that were told of and are not gone."""
        return tuple(each for each in self._rows.values() if each is not None)

    @property
    def names(self) -> tuple[str, ...]:
        """The announcements to look at."""
        return tuple(self._rows)

    def announced(self, name: str) -> None:
        """Note an announcement; one more than MAX_NAMES takes the place of one that led nowhere."""
        if name in self._rows:
            return
        if len(self._rows) >= MAX_NAMES:  # MAX_ROWS of them are rows at most
            oldest = next(each for each, row in self._rows.items() if row is None)
            del self._rows[oldest]
        self._rows[name] = None

    def says(self, name: str, row: Row | None, now: float) -> None:
        """Note what an announcement means as of now; None: nothing that may be used."""
        if name not in self._rows:
            return
        if name == self._own():
            row = None
        known = self._rows[name]
        if known is not None and known != row:
            self._rows[name] = None
            self._gone(known)
            known = None
        if known is not None or row is None:
            return
        if len(self.rows) < MAX_ROWS and self._told.spend(1, now):
            self._rows[name] = row
            self._found(row)

    def withdrawn(self, name: str) -> None:
        """Note that an announcement is there no more."""
        row = self._rows.pop(name, None)
        if row is not None:
            self._gone(row)

    def keep_only(self, names: frozenset[str]) -> None:
        """Withdraw all announcements but these."""
        for name in self.names:
            if name not in names:
                self.withdrawn(name)
