"""Every bound of the relay in one place, and the token bucket that holds a rate.

Pure: the time is passed in, in seconds of a monotonic clock. The bounds of a single payload stand
with the payload, in protocol.py and tracker_frames.py.
"""

from __future__ import annotations

import ipaddress
from collections import Counter, OrderedDict
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
    """How much of everything the relay bears.

    Times in seconds, sizes in bytes, rates in pieces a second. An address is one IPv4 address or
    one /64 of IPv6.
    """

    sweep_every: float = 1.0
    closing_grace: float = 2.0

    # The door: any connection, before and after it is known what it is.
    max_connections: int = 8_000
    max_address_connections: int = 256
    #: For the head of a request, and for a connection to begin one.
    head_seconds: float = 10.0
    #: For the rest of a WebSocket message.
    message_seconds: float = 60.0
    max_frame: int = protocol.MAX_FRAME
    #: Memory for what is not whole yet and for what was sent and is not read yet.
    max_held: int = 512 * 1024 * 1024
    max_address_held: int = 32 * 1024 * 1024
    socket_bytes: Rate = Rate(burst=16 * 1024 * 1024, per_second=1024 * 1024)
    address_bytes: Rate = Rate(burst=64 * 1024 * 1024, per_second=8 * 1024 * 1024)
    #: WebSocket frames of every kind, pings and fragments too; of a socket, also engine.io packets.
    socket_frames: Rate = Rate(burst=5_000, per_second=1_000)
    address_frames: Rate = Rate(burst=20_000, per_second=4_000)
    #: HTTP requests, those of long-polling and for an upgrade too.
    address_requests: Rate = Rate(burst=1_000, per_second=100)
    #: How many addresses are remembered in every table of them.
    max_addresses: int = 20_000

    # People.
    max_people: int = 4_000
    max_address_people: int = 128
    #: From a socket to a person, and for a socket that a person has left.
    arrival_seconds: float = 15.0
    max_nameplates: int = 4_000
    nameplate_lifetime: float = protocol.NAMEPLATE_LIFETIME
    #: How long a used or expired nameplate is remembered, and how many are.
    remember: float = 10 * 60
    max_remembered: int = 20_000
    #: What waits for one person, and for all; a slower reader is let go. Little is never too much.
    max_backlog: int = 2 * protocol.MAX_FRAME
    max_all_backlogs: int = 256 * 1024 * 1024
    little_backlog: int = 64 * 1024
    words: Rate = Rate(burst=2_000, per_second=500)
    #: Allocations and claims of one socket, and of one address.
    codes: Rate = Rate(burst=20, per_second=0.5)
    address_codes: Rate = Rate(burst=100, per_second=1)
    #: Claims of one address: each may burn somebody's code.
    address_claims: Rate = Rate(burst=60, per_second=0.5)

    # The tracker.
    announce_interval: int = 120
    #: A peer that missed two announces is gone, even if its socket is not.
    peer_timeout: float = 3 * 120
    #: How long a socket may be in no swarm.
    tracker_idle: float = 60.0
    swarm_sweep_every: float = 15.0
    max_tracker_frame: int = tracker_frames.MAX_FRAME
    max_tracker_sockets: int = 4_000
    #: What waits for one tracker socket, in frames and in characters; a slower reader is dropped.
    max_tracker_queue: int = 256
    max_tracker_backlog: int = 1024 * 1024
    tracker_frames: Rate = Rate(burst=500, per_second=50)
    #: Offers that one socket has handed on to others.
    tracker_offers: Rate = Rate(burst=1_000, per_second=50)
    max_swarms: int = 20_000
    max_swarm_peers: int = 1_000
    #: Memberships (swarm and peer id) of one socket, of one address, and of one address in a swarm.
    max_socket_peers: int = 500
    max_address_peers: int = 2_000
    max_address_swarm_peers: int = 200


class TokenBucket:
    """Holds a Rate."""

    __slots__ = ("_at", "_rate", "_tokens")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._tokens = rate.burst
        self._at = now

    def take(self, now: float, count: float = 1) -> bool:
        """Take so many tokens; False, and none taken, when there are fewer."""
        gained = max(0.0, now - self._at) * self._rate.per_second
        self._tokens = min(self._rate.burst, self._tokens + gained)
        self._at = now
        if self._tokens < count:
            return False
        self._tokens -= count
        return True


class Buckets(Generic[K]):
    """A bucket for each key; the longest unused key is forgotten beyond `capacity`."""

    def __init__(self, rate: Rate, capacity: int) -> None:
        self._rate = rate
        self._capacity = capacity
        self._buckets: OrderedDict[K, TokenBucket] = OrderedDict()

    def take(self, key: K, now: float, count: float = 1) -> bool:
        """Take so many tokens of this key; False, and none taken, when there are fewer."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(self._rate, now)
            if len(self._buckets) > self._capacity:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return bucket.take(now, count)


class Tally(Generic[K]):
    """How many there are of each key."""

    def __init__(self) -> None:
        self._counts: Counter[K] = Counter()

    def __getitem__(self, key: K) -> int:
        return self._counts[key]

    def add(self, key: K) -> None:
        """Count one more."""
        self._counts[key] += 1

    def remove(self, key: K) -> None:
        """Count one less; nothing is kept of a key that is at none."""
        self._counts[key] -= 1
        if not self._counts[key]:
            del self._counts[key]


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
