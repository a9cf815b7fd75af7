"""Every bound of the relay in one place, and the token bucket that holds a rate.

Pure: the time is passed in, in seconds of a monotonic clock. The bounds of a single payload stand
with the payload, in protocol.py and tracker_frames.py.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

import msgspec

from relay import protocol, tracker_frames

K = TypeVar("K", bound=Hashable)


class Rate(msgspec.Struct, frozen=True):
    """`burst` at once, then `per_second` for good."""

    burst: float
    per_second: float


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much of everything the relay bears. Times in seconds, sizes in bytes."""

    # The server.
    max_connections: int = 8_000
    max_frame: int = protocol.MAX_FRAME
    sweep_every: float = 1.0
    closing_grace: float = 2.0

    # People.
    max_people: int = 4_000
    max_nameplates: int = 4_000
    nameplate_lifetime: float = protocol.NAMEPLATE_LIFETIME
    #: How long a used or expired nameplate is remembered, and how many are.
    remember: float = 10 * 60
    max_remembered: int = 20_000
    #: Bytes waiting for one person; a slower reader is let go.
    max_backlog: int = 2 * protocol.MAX_FRAME
    words: Rate = Rate(burst=2_000, per_second=500)
    #: Allocations and claims of one socket, and of one remote address.
    codes: Rate = Rate(burst=20, per_second=0.5)
    address_codes: Rate = Rate(burst=200, per_second=5)
    max_addresses: int = 20_000

    # The tracker.
    announce_interval: int = 120
    #: A peer that missed two announces is gone, even if its socket is not.
    peer_timeout: float = 3 * 120
    swarm_sweep_every: float = 15.0
    max_tracker_frame: int = tracker_frames.MAX_FRAME
    max_tracker_sockets: int = 4_000
    #: Frames waiting for one tracker socket; a slower reader is dropped.
    max_tracker_queue: int = 256
    tracker_frames: Rate = Rate(burst=500, per_second=50)
    max_swarms: int = 20_000
    max_swarm_peers: int = 1_000
    #: Memberships (swarm and peer id) of one socket.
    max_socket_peers: int = 500


class TokenBucket:
    """Holds a Rate."""

    __slots__ = ("_at", "_rate", "_tokens")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._tokens = rate.burst
        self._at = now

    def take(self, now: float) -> bool:
        """Take one token; False when there is none."""
        gained = max(0.0, now - self._at) * self._rate.per_second
        self._tokens = min(self._rate.burst, self._tokens + gained)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Buckets(Generic[K]):
    """A bucket for each key; the longest unused key is forgotten beyond `capacity`."""

    def __init__(self, rate: Rate, capacity: int) -> None:
        self._rate = rate
        self._capacity = capacity
        self._buckets: OrderedDict[K, TokenBucket] = OrderedDict()

    def take(self, key: K, now: float) -> bool:
        """Take one token of this key; False when there is none."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(self._rate, now)
            if len(self._buckets) > self._capacity:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return bucket.take(now)


def address_key(host: str) -> str:
    """Return what a remote address is counted under: itself, or the /64 of an IPv6 address.

    One IPv6 customer commonly has a whole /64, so single addresses would cost nothing.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), 64), strict=False))
