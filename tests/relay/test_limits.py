from __future__ import annotations

import pytest

from relay.limits import Buckets, Rate, Tally, TokenBucket, address_key


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


def test_buckets_count_each_key_alone_and_forget_the_longest_unused():
    buckets = Buckets[str](Rate(burst=1, per_second=0), capacity=2)
    assert buckets.take("a", 0)
    assert buckets.take("b", 0)
    assert not buckets.take("a", 0)  # used now, so b is the oldest
    assert buckets.take("c", 0)
    assert not buckets.take("a", 0)
    assert buckets.take("b", 0)  # was forgotten


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ("testclient", "testclient"),
    ],
)
def test_an_ipv6_network_counts_as_one_address(host: str, key: str):
    assert address_key(host) == key


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
