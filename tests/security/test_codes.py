"""Whoever burns other people's codes: by numbers they know, and by trying all there are."""

from __future__ import annotations

import asyncio
import json
import random

import pytest

from relay.guard.buckets import AddressBuckets
from relay.guard.limits import Limits
from relay.stores.base import Refusal
from relay.stores.memory.nameplates import DIGITS, SPARSE
from relay.stores.memory.rooms import Rooms
from tests.conftest import running_relay
from tests.security.raw import TEXT, Raw, Town, frame, town

PROXY = ("127.0.0.1",)
FAR, NEAR = "192.0.2.1", "192.0.2.2"
#: What the shipped bounds let an address do in an hour.
FAILED_CLAIMS_AN_HOUR = 130


async def call(person: Raw, event: str, **payload: object) -> dict[str, object]:
    await person.send(frame(TEXT, b"421" + json.dumps([event, payload]).encode()))
    while not (said := await person.hear()).startswith(b"431"):
        pass  # somebody else's word
    reply: dict[str, object] = json.loads(said[3:])[0]
    return reply


async def makers(here: Town, count: int) -> list[tuple[Raw, object]]:
    """People of as many addresses, each with a code."""
    made = []
    for number in range(count):
        person = await here.person(f"198.51.100.{number}")
        made.append((person, (await call(person, "allocate"))["nameplate"]))
    return made


async def test_an_address_that_knows_every_number_burns_ten_codes_and_then_few():
    with running_relay(trusted_proxies=PROXY) as relay:
        async with town(relay.url) as here:
            burned = 0
            for _, nameplate in await makers(here, 20):
                attacker = await here.person(FAR)  # another socket for each changes nothing
                reply = await call(attacker, "claim", nameplate=nameplate)
                burned += "room" in reply
                attacker.abort()
            assert burned == 10
            # It has none left for a good while; others have all of theirs.
            reply = await call(await here.person(FAR), "claim", nameplate=1)
            assert reply["error"]["code"] == "rateLimited"  # type: ignore[index]
            reply = await call(await here.person(NEAR), "claim", nameplate=1)
            assert reply["error"]["code"] == "unknownCode"  # type: ignore[index]


@pytest.mark.parametrize("who", ["maker", "joiner"])
async def test_a_claim_counts_as_failed_until_the_codes_owner_speaks(who: str):
    """Whoever claims cannot prove it themselves: only the owner says a word that is sealed."""
    with running_relay(trusted_proxies=PROXY) as relay:
        async with town(relay.url) as here:
            refused = 0
            for maker, nameplate in await makers(here, 20):
                joiner = await here.person(FAR)
                reply = await call(joiner, "claim", nameplate=nameplate)
                refused += "error" in reply
                if "error" not in reply:
                    speaker = maker if who == "maker" else joiner
                    assert await call(speaker, "hello", room=reply["room"], body="A" * 700) == {}
                joiner.abort()
            assert refused == (0 if who == "maker" else 10)


def test_the_bound_of_an_hour():
    """As docs/security.md states it."""
    limits = Limits()
    failures = AddressBuckets(limits.address_failed_claims, limits.max_addresses)
    claimed = sum(failures.take(FAR, second / 10) for second in range(3600 * 10))
    assert claimed in (FAILED_CLAIMS_AN_HOUR - 1, FAILED_CLAIMS_AN_HOUR)


@pytest.mark.parametrize("waiting", [20, 900, 4_000])
def test_blind_tries_find_a_code_one_time_in_ten_at_most(waiting: int):
    rng = random.Random(7)
    rooms = Rooms(Limits(), rng)
    for person in range(waiting):
        rooms.allocate(str(person), 600, 600, 0)
    found = tries = 0
    for _ in range(5_000):
        digits = rng.choice(DIGITS)
        tries += 1
        try:
            number = rng.randrange(10 ** (digits - 1), 10**digits)
            room, _ = rooms.claim("attacker", FAR, number, 0)
        except Refusal:
            continue
        found += 1
        rooms.leave("attacker", room)
    assert found <= tries / SPARSE


async def test_a_claim_of_ones_own_that_is_not_there_is_told_within_the_bounds():
    """Somebody who mistypes a number a few times is not kept out."""
    with running_relay() as relay:
        async with town(relay.url) as here:
            (_, nameplate), *_ = await makers(here, 1)
            joiner = await here.person()
            for _ in range(5):
                assert "error" in await call(joiner, "claim", nameplate=1)
            async with asyncio.timeout(20):
                assert "room" in await call(joiner, "claim", nameplate=nameplate)
