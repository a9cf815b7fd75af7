"""Counting: token buckets and tallies, by key and by address.

Pure: the time is passed in, in seconds of a monotonic clock. The bounds themselves are limits.py's,
and the networks under which an address is counted are addresses.py's.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from relay.guard.addresses import networks
from relay.guard.limits import Rate

K = TypeVar("K", bound=Hashable)


class TokenBucket:
    """A token bucket for a Rate. share: factor of the rate."""

    __slots__ = ("_at", "_burst", "_per_second", "_tokens")

    def __init__(self, rate: Rate, now: float, share: int = 1) -> None:
        self._burst = rate.burst * share
        self._per_second = rate.per_second * share
        self._tokens = self._burst
        self._at = now

    def left(self, now: float) -> float:
        """Return how many tokens there are; negative if more were spent."""
        gained = max(0.0, now - self._at) * self._per_second
        self._tokens = min(self._burst, self._tokens + gained)
        self._at = now
        return self._tokens

    def take(self, now: float, count: float = 1) -> bool:
        """Take so many tokens; False, and none taken, when there are fewer."""
        if self.left(now) < count:
            return False
        self._tokens -= count
        return True

    def spend(self, now: float, count: float) -> None:
        """Take so many tokens, whether they are there or not; a negative count gives back."""
        self._tokens = min(self._burst, self.left(now) - count)

    def is_full(self, now: float) -> bool:
        """Return whether it is full, as if nothing had ever been taken."""
        return self.left(now) >= self._burst


class KeyBuckets:
    """A bucket for each key; beyond `capacity` the least recently used one is evicted."""

    def __init__(self, rate: Rate, capacity: int) -> None:
        self._rate = rate
        self._capacity = capacity
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: str, now: float, count: float = 1) -> bool:
        """Take so many tokens of a key; False, and none taken, if it has fewer."""
        bucket = self._buckets.get(key) or self._new(key, now)
        self._buckets.move_to_end(key)
        return bucket.take(now, count)

    def forget(self, now: float) -> None:
        """Drop full buckets, least recently used first, up to the first that is not full."""
        while self._buckets and next(iter(self._buckets.values())).is_full(now):
            self._buckets.popitem(last=False)

    def _new(self, key: str, now: float, share: int = 1) -> TokenBucket:
        bucket = self._buckets[key] = TokenBucket(self._rate, now, share)
        if len(self._buckets) > self._capacity:
            self._buckets.popitem(last=False)
        return bucket


class AddressBuckets(KeyBuckets):
    """A bucket for each network that an address is counted under."""

    def take(self, address: str, now: float, count: float = 1) -> bool:
        """Take so many tokens of an address; False, and none taken, if any bucket has fewer."""
        buckets = [bucket for bucket, _ in self._of(address, now)]
        if any(bucket.left(now) < count for bucket in buckets):
            return False
        for bucket in buckets:
            bucket.spend(now, count)
        return True

    def spend(self, address: str, now: float, count: float) -> None:
        """Take so many tokens, whether they are there or not; a negative count gives back."""
        for bucket, _ in self._of(address, now):
            bucket.spend(now, count)

    def left(self, address: str, now: float) -> float:
        """Return the fewest tokens that are left of an address, each bucket's over its share."""
        return min(bucket.left(now) / share for bucket, share in self._of(address, now))

    def _of(self, address: str, now: float) -> list[tuple[TokenBucket, int]]:
        found = []
        for name, share in networks(address):
            bucket = self._buckets.get(name) or self._new(name, now, share)
            self._buckets.move_to_end(name)
            found.append((bucket, share))
        return found


class Tally(Generic[K]):
    """A count for each key."""

    def __init__(self) -> None:
        self._counts: Counter[K] = Counter()

    def __getitem__(self, key: K) -> int:
        return self._counts[key]

    def __len__(self) -> int:
        return len(self._counts)

    def largest(self) -> int:
        """Return the highest count. Not for an empty tally."""
        return max(self._counts.values())

    def add(self, key: K) -> None:
        """Count one more."""
        self._counts[key] += 1

    def remove(self, key: K) -> None:
        """Count one less; drop a key at zero."""
        self._counts[key] -= 1
        if not self._counts[key]:
            del self._counts[key]


class AddressTally:
    """A count for each address, under all its networks."""

    def __init__(self) -> None:
        self._tally: Tally[str] = Tally()

    def __len__(self) -> int:
        return len(self._tally)

    def has_room(self, address: str, bound: int) -> bool:
        """Return whether one more is within the bound, times its share, of each network."""
        return all(self._tally[name] < bound * share for name, share in networks(address))

    def add(self, address: str) -> None:
        """Count one more."""
        for name, _ in networks(address):
            self._tally.add(name)

    def remove(self, address: str) -> None:
        """Count one less."""
        for name, _ in networks(address):
            self._tally.remove(name)
