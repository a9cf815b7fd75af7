"""What every RateStore promises."""

from __future__ import annotations

import asyncio

import pytest

from relay.guard.limits import Limits, Rate
from relay.stores.base import Counted, CountedByAddress
from relay.stores.memory.stores import MemoryRates
from tests.relay.stores.conftest import Keep

LIMITS = Limits(
    words=Rate(burst=3, per_second=1),
    codes=Rate(burst=1, per_second=0),
    tracker_offers=Rate(burst=10, per_second=1),
    address_codes=Rate(burst=10, per_second=0),
    address_failed_claims=Rate(burst=2, per_second=1),
)


async def test_a_connection_has_its_burst_and_then_its_rate(keep: Keep):
    stores, forward, *_ = await keep(LIMITS)
    taken = [await stores.rates.take(Counted.WORDS, "a") for _ in range(4)]
    assert taken == [True, True, True, False]
    forward(2)
    taken = [await stores.rates.take(Counted.WORDS, "a") for _ in range(3)]
    assert taken == [True, True, False]


async def test_neither_connections_nor_what_is_counted_mix(keep: Keep):
    rates = (await keep(LIMITS)).stores.rates
    assert await rates.take(Counted.CODES, "a")
    assert not await rates.take(Counted.CODES, "a")
    assert await rates.take(Counted.CODES, "b")
    assert await rates.take(Counted.WORDS, "a")


async def test_all_that_is_asked_for_is_taken_or_nothing(keep: Keep):
    rates = (await keep(LIMITS)).stores.rates
    assert not await rates.take(Counted.TRACKER_OFFERS, "a", 11)
    assert await rates.take(Counted.TRACKER_OFFERS, "a", 10)
    assert await rates.take(Counted.TRACKER_OFFERS, "a", 0)
    assert not await rates.take(Counted.TRACKER_OFFERS, "a", 1)


@pytest.mark.parametrize(
    ("prefix", "count"),
    [("192.0.2.7", 10), ("2001:db8::{}", 10), ("2001:db8:0:{}::1", 20), ("2001:db8:0:{}00::1", 80)],
    ids=["IPv4", "/64", "/56", "/48"],
)
async def test_the_wider_a_network_the_more_it_may(keep: Keep, prefix: str, count: int):
    rates = (await keep(LIMITS)).stores.rates
    addresses = [prefix.format(n) for n in range(100)]
    taken = [await rates.take_of_address(CountedByAddress.CODES, each) for each in addresses]
    assert sum(taken) == count


async def test_what_is_given_back_can_be_taken_again_and_is_no_more_than_there_was(keep: Keep):
    rates = (await keep(LIMITS)).stores.rates
    failures = CountedByAddress.FAILED_CLAIMS
    assert [await rates.take_of_address(failures, "192.0.2.1") for _ in range(2)] == [True, True]
    await rates.give_back(failures, "192.0.2.1")
    taken = [await rates.take_of_address(failures, "192.0.2.1") for _ in range(2)]
    assert taken == [True, False]
    for _ in range(9):
        await rates.give_back(failures, "192.0.2.1")
    assert [await rates.take_of_address(failures, "192.0.2.1") for _ in range(3)] == [
        True,
        True,
        False,
    ]


async def test_the_last_token_is_given_to_one_of_many_who_ask_at_once(keep: Keep):
    rates = (await keep(LIMITS)).stores.rates
    asked = (rates.take_of_address(CountedByAddress.CODES, "192.0.2.1") for _ in range(50))
    assert sum(await asyncio.gather(*asked)) == 10


async def test_what_was_taken_is_not_forgotten_before_its_time(keep: Keep):
    stores, forward, *_ = await keep(LIMITS)
    for _ in range(2):
        await stores.rates.take_of_address(CountedByAddress.FAILED_CLAIMS, "192.0.2.1")
    await stores.rates.expire()
    assert not await stores.rates.take_of_address(CountedByAddress.FAILED_CLAIMS, "192.0.2.1")
    forward(1)
    await stores.rates.expire()
    assert await stores.rates.take_of_address(CountedByAddress.FAILED_CLAIMS, "192.0.2.1")
    assert not await stores.rates.take_of_address(CountedByAddress.FAILED_CLAIMS, "192.0.2.1")


async def test_memory_keeps_nothing_of_who_has_gone_and_no_more_than_its_bound():
    now = 0.0
    plenty = Rate(burst=5, per_second=1)
    limits = Limits(words=plenty, address_claims=plenty, max_addresses=10)
    rates = MemoryRates(limits, lambda: now)
    for number in range(30):
        await rates.take(Counted.WORDS, str(number))
        await rates.take_of_address(CountedByAddress.CLAIMS, f"192.0.2.{number}")
    assert len(rates) == 20
    now = 1.0
    await rates.expire()
    assert len(rates) == 0
