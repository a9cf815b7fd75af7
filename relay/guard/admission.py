"""Who may use a relay: networks that alone are let in, and networks that are shut out for a time.

An address is that of addresses.py: behind a trusted proxy the one that it names. What becomes of
whoever is not let in is the guard's and the app's.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

from relay.file_watch import FileWatch, keep_looking
from relay.guard.addresses import Networks, address_of

logger = logging.getLogger(__name__)

#: Most lines of a file.
MOST: Final = 100_000
_FOR_EVER: Final = float("inf")

#: By the version and prefix length of a network: when each of them is let in again.
_Table: TypeAlias = dict[tuple[int, int], dict[int, float]]


class BadBans(ValueError):
    """The file of those who are shut out makes no sense; the text says which line, and why."""


class Admission:
    """Who is let in.

    Args:
        allowed: Addresses and networks, which alone are; empty: everybody.
        bans: The file of those who are not, however that is; None: there is none.
        now: Seconds since 1970.

    Raises:
        ValueError: One of `allowed` is neither.
        BadBans: The file cannot be read, or a line of it.
    """

    def __init__(
        self,
        allowed: Sequence[str] = (),
        bans: Path | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._allowed = Networks(allowed) if allowed else None
        self._file = bans
        self._now = now
        self._watch = FileWatch(*([bans] if bans is not None else []))
        self._bans: _Table = self._read()

    def admits(self, host: str) -> bool:
        """Return whether an address may use the relay."""
        return (self._allowed is None or host in self._allowed) and not self.bans(host)

    def bans(self, host: str) -> bool:
        """Return whether an address is shut out for now."""
        if not self._bans:
            return False
        address = address_of(host)
        if address is None:
            return False
        number, bits = int(address), address.max_prefixlen
        for (version, length), until in self._bans.items():
            if version == address.version:
                ends = until.get(number >> (bits - length))
                if ends is not None and self._now() < ends:
                    return True
        return False

    async def keep(self) -> None:
        """Take changes of the file up, for as long as the relay runs."""
        if self._file is not None:
            await keep_looking(self.renew)
        await asyncio.get_running_loop().create_future()

    def renew(self) -> bool:
        """Take a changed file up; return whether it was. Blocking.

        One that makes no sense is said once, and what was read before counts on.
        """
        if not self._watch.changed():
            return False
        try:
            self._bans = self._read()
        except BadBans as error:
            logger.warning("who was shut out before still is: %s", error)
            return False
        return True

    def _read(self) -> _Table:
        if self._file is None:
            return {}
        try:
            lines = self._file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            raise BadBans(f"{self._file} cannot be read: {why}") from error
        if len(lines) > MOST:
            raise BadBans(f"{self._file} has more than {MOST:,} lines")
        table: _Table = {}
        for number, line in enumerate(lines, 1):
            words = line.partition("#")[0].split()
            if not words:
                continue
            try:
                network, until = _ban_of(words)
            except ValueError as error:
                raise BadBans(f"{self._file}, line {number}: {error}") from None
            length = network.prefixlen
            shifted = int(network.network_address) >> (network.max_prefixlen - length)
            known = table.setdefault((network.version, length), {})
            known[shifted] = max(until, known.get(shifted, 0.0))
        return table


def _ban_of(
    words: Sequence[str],
) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, float]:
    """Return a network, and when it is let in again, in seconds since 1970. Raises ValueError."""
    if len(words) > 2:
        raise ValueError("a line is a network and, if need be, a time; a reason stands behind a #")
    network = ipaddress.ip_network(words[0])
    if len(words) == 1:
        return network, _FOR_EVER
    when = datetime.fromisoformat(words[1])
    return network, (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
