from __future__ import annotations

import pytest

from relay.guard.buckets import AddressBuckets, AddressTally, Tally, TokenBucket
from relay.guard.limits import Rate


def test_a_bucket_gives_its_burst_and_then_its_rate():
    bucket = TokenBucket(Rate(burst=2, per_second=1), now=100.0)
    assert [bucket.take(100.0) for _ in range(3)] == [True, True, False]
    assert [bucket.take(101.0) for _ in range(2)] == [True, False]
    assert [bucket.take(101.5), bucket.take(102.0)] == [False, True]


def test_a_bucket_never_holds_more_than_its_burst():
    bucket = TokenBucket(Rate(burst=2, per_second=1), now=0.0)
    assert [bucket.take(1_000.0) for _ in range(3)] == [True, True, False]


def test_a_clock_that_steps_back_gives_nothing():
    bucket = TokenBucket(Rate(burst=1, per_second=1), now=10.0)
    assert bucket.take(10.0)
    assert not bucket.take(5.0)
    assert bucket.take(6.0)


def test_what_is_spent_beyond_is_owed():
    bucket = TokenBucket(Rate(burst=1, per_second=1), now=0.0)
    bucket.spend(0.0, 3)
    assert bucket.left(0.0) == -2
    assert not bucket.take(2.5)
    assert bucket.take(3.0)
    bucket.spend(3.0, -9)
    assert bucket.left(3.0) == 1, "what is given back is never more than there was"


def test_a_share_is_as_many_times_as_much():
    bucket = TokenBucket(Rate(burst=2, per_second=1), now=0.0, share=8)
    assert bucket.take(0.0, 16)
    assert not bucket.take(0.9, 8)
    assert bucket.take(1.0, 8)


def test_addresses_count_alone_and_the_longest_unused_is_forgotten():
    buckets = AddressBuckets(Rate(burst=1, per_second=0), capacity=2)
    assert buckets.take("a", 0)
    assert buckets.take("b", 0)
    assert not buckets.take("a", 0)  # used now, so b is the oldest
    assert buckets.take("c", 0)
    assert not buckets.take("a", 0)
    assert buckets.take("b", 0)  # was forgotten


def taken(buckets: AddressBuckets, prefix: str) -> int:
    """How often in 100 tries somebody is served who has a whole prefix, each /64 in turn."""
    return sum(buckets.take(prefix.format(n), 0) for n in range(100))


@pytest.mark.parametrize(
    ("prefix", "count"),
    [("192.0.2.7", 10), ("2001:db8::{}", 10), ("2001:db8:0:{}::1", 20), ("2001:db8:0:{}00::1", 80)],
    ids=["IPv4", "/64", "/56", "/48"],
)
def test_the_wider_a_network_the_more_it_may_but_not_as_much_as_it_has(prefix: str, count: int):
    assert taken(AddressBuckets(Rate(burst=10, per_second=0), 1_000), prefix) == count


def test_who_takes_too_much_takes_nothing_from_their_neighbours():
    buckets = AddressBuckets(Rate(burst=10, per_second=0), 1_000)
    assert taken(buckets, "2001:db8::{}") == 10
    assert taken(buckets, "2001:db8:0:1::{}") == 10
    assert taken(buckets, "2001:db8:0:100::{}") == 10


def test_what_is_left_is_the_least_of_all_networks_by_their_share():
    buckets = AddressBuckets(Rate(burst=10, per_second=0), 1_000)
    buckets.spend("2001:db8:0:1::1", 0, 10)
    assert buckets.left("2001:db8:0:1::1", 0) == 0
    assert buckets.left("2001:db8:0:2::1", 0) == 5


def test_full_buckets_are_forgotten():
    buckets = AddressBuckets(Rate(burst=2, per_second=1), 1_000)
    buckets.take("192.0.2.1", 0, 2)
    buckets.take("2001:db8::1", 1)
    buckets.forget(1.9)
    assert len(buckets) == 4
    buckets.forget(2.0)
    assert len(buckets) == 0


def test_an_address_is_counted_in_each_of_its_networks():
    tally = AddressTally()
    for host in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "192.0.2.1"):
        tally.add(host)
    assert not tally.has_room("2001:db8::3", 2)
    assert tally.has_room("2001:db8:0:1::2", 2)
    tally.add("2001:db8:0:2::1")
    assert not tally.has_room("2001:db8:0:1::2", 2), "its /56 has four"
    assert tally.has_room("2001:db8:0:100::1", 2)
    for host in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "2001:db8:0:2::1", "192.0.2.1"):
        tally.remove(host)
    assert len(tally) == 0


def test_a_bucket_gives_all_that_is_asked_or_nothing():
    bucket = TokenBucket(Rate(burst=10, per_second=1), now=0.0)
    assert not bucket.take(0.0, 11)
    assert bucket.take(0.0, 10)
    assert not bucket.take(1.0, 2)
    assert bucket.take(1.0)


def test_a_tally_keeps_nothing_of_who_has_gone():
    tally = Tally[str]()
    tally.add("a")
    tally.add("a")
    tally.remove("a")
    assert (tally["a"], tally["b"]) == (1, 0)
    tally.remove("a")
    assert not tally._counts


def test_the_largest_count_of_a_tally():
    tally = Tally[str]()
    for key in "abcbc":
        tally.add(key)
    assert tally.largest() == 2
