"""Several processes on one server: who wins, what ends, and what becomes of who is gone."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import pytest

from relay.guard.limits import Limits, Rate
from relay.protocol.tracker_frames import Announce, Scrape
from relay.protocol.words import ErrorCode, PartnerGone
from relay.stores.base import (
    CountedByAddress,
    Entered,
    Forgotten,
    Notice,
    PeopleTotals,
    Refusal,
    StoreAway,
    Stores,
)
from relay.stores.redis.stores import redis_stores
from tests.relay.stores.redis_server import STILL_CLOCK, RedisServer
from tests.relay.stores.test_people import refused

PLACE = b"p" * 32
#: Beyond what a person may have at once, so that nobody is refused for having much.
PLENTY = Limits(max_person_rooms=1_000)


class Two(NamedTuple):
    """The stores of two processes on one server, and what moves its clock on."""

    one: Stores
    other: Stores
    forward: Callable[[float], None]
    server: RedisServer


@pytest.fixture
async def two(redis_server: RedisServer) -> AsyncIterator[Two]:
    now = 1_000.0

    def forward(seconds: float) -> None:
        nonlocal now
        now += seconds
        redis_server.set_clock(now)

    redis_server.flush()
    forward(0)
    async with redis_server.client() as one, redis_server.client() as other:
        yield Two(
            redis_stores(one, PLENTY, STILL_CLOCK),
            redis_stores(other, PLENTY, STILL_CLOCK),
            forward,
            redis_server,
        )


# --- races -----------------------------------------------------------------------------------


async def test_one_of_many_claims_by_two_processes_wins(two: Two):
    people = (two.one.people, two.other.people)
    for round_ in range(10):
        nameplate = (await two.one.people.allocate(f"owner{round_}", 600, 300)).nameplate
        claims = (
            people[number % 2].claim(f"{round_}.{number}", "192.0.2.1", nameplate)
            for number in range(40)
        )
        ends = await asyncio.gather(*claims, return_exceptions=True)
        assert refused(ends) == [ErrorCode.USED_CODE] * 39
        [won] = (end for end in ends if isinstance(end, Entered))
        to, _ = await two.other.people.route(f"owner{round_}", won.room, proves=False)
        assert ends[int(to.partition(".")[2])] is won
    assert (await two.one.people.totals()).rooms == 10


async def test_who_comes_to_a_place_by_two_processes_meets_two_by_two(two: Two):
    people = (two.one.people, two.other.people)
    comes = (people[number % 2].meet(f"{number}", "192.0.2.1", PLACE, 600) for number in range(80))
    ends = await asyncio.gather(*comes)
    rooms = [end.room for end in ends if end]
    assert len(set(rooms)) == 40
    came = {str(number): end.room for number, end in enumerate(ends) if end}
    waited = [(await people[0].route(*each, proves=False)).to for each in came.items()]
    assert sorted([*came, *waited]) == sorted(map(str, range(80)))
    assert await people[1].totals() == PeopleTotals(nameplates=0, places=0, rooms=40)


async def test_no_number_is_given_twice_by_two_processes(two: Two):
    people = (two.one.people, two.other.people)
    asked = (people[number % 2].allocate(str(number), 600, 300) for number in range(300))
    numbers = [each.nameplate for each in await asyncio.gather(*asked)]
    assert len(set(numbers)) == 300
    wanted = (people[number % 2].allocate(f"w{number}", 600, 300, 99_999) for number in range(40))
    ends = await asyncio.gather(*wanted, return_exceptions=True)
    assert refused(ends) == [ErrorCode.NAMEPLATE_TAKEN] * 39


async def test_an_end_is_told_to_one_of_two_processes(two: Two):
    for number in range(50):
        await two.one.people.allocate(str(number), 10, 10)
    two.forward(10)
    told = await asyncio.gather(*(each.people.expire() for each in two[:2] for _ in range(5)))
    assert sorted(notice.to for some in told for notice in some) == sorted(map(str, range(50)))


async def test_the_tokens_of_an_address_are_the_same_ones_for_two_processes(two: Two):
    asked = (
        stores.rates.take_of_address(CountedByAddress.FAILED_CLAIMS, "192.0.2.1")
        for stores in two[:2]
        for _ in range(20)
    )
    assert sum(await asyncio.gather(*asked)) == PLENTY.address_failed_claims.burst


# --- processes that die ----------------------------------------------------------------------


async def sweeps(two: Two, seconds: int, *stores: Stores) -> list[Notice]:
    """Let so much time pass, in which these processes are alive; what they are told."""
    told: list[Notice] = []
    for _ in range(seconds):
        two.forward(1)
        for each in stores:
            told += await each.people.expire()
    return told


async def test_people_of_a_process_that_died_are_lost_and_their_partners_told(two: Two):
    await sweeps(two, 1, two.one, two.other)
    nameplate = (await two.one.people.allocate("owner", 600, 300)).nameplate
    room = (await two.other.people.claim("joiner", "192.0.2.1", nameplate)).room
    left = (await two.one.people.allocate("owner", 600, 300)).nameplate
    await two.one.people.meet("owner", "192.0.2.1", PLACE, 600)
    gone = PartnerGone(room=room, reason="lost")
    assert await sweeps(two, 14, two.other) == []
    assert await sweeps(two, 2, two.other) == [Notice("joiner", "partnerGone", gone)]
    assert await two.other.people.totals() == PeopleTotals(0, 0, 0)
    with pytest.raises(Refusal) as late:
        await two.other.people.claim("joiner", "192.0.2.1", left)
    assert late.value.code == ErrorCode.WITHDRAWN_CODE


async def test_very_many_people_of_a_process_that_died_are_lost(two: Two):
    for number in range(130):
        await two.one.people.meet(f"here{number}", "192.0.2.1", bytes([number]) * 32, 600)
        await two.other.people.meet(f"there{number}", "192.0.2.1", bytes([number]) * 32, 600)
    told = await sweeps(two, 20, two.other)
    assert sorted(notice.to for notice in told) == sorted(f"there{n}" for n in range(130))
    assert (await two.other.people.totals()).rooms == 0


async def test_who_was_taken_for_dead_is_told_and_begins_anew(two: Two):
    await two.one.people.allocate("before", 600, 300)
    await sweeps(two, 20, two.other)
    for step in (
        two.one.people.allocate("before", 600, 300),
        two.one.people.claim("before", "192.0.2.1", 4711),
        two.one.people.meet("before", "192.0.2.1", PLACE, 600),
        two.one.people.expire(),
    ):
        with pytest.raises(Forgotten):
            await step
    assert await two.one.people.expire() == ()
    assert await two.one.people.allocate("after", 600, 300)
    assert await sweeps(two, 20, two.one, two.other) == []


async def test_nobody_is_dead_because_the_server_was_away(two: Two):
    """No process could give a sign, and one is the first to give it again."""
    await sweeps(two, 1, two.one, two.other)
    await two.one.people.meet("here", "192.0.2.1", PLACE, 6_000)
    two.forward(1_000)
    assert await sweeps(two, 10, two.other) == []
    assert await sweeps(two, 10, two.one, two.other) == []
    assert await two.other.people.meet("there", "192.0.2.1", PLACE, 6_000)


async def test_a_server_that_lost_everything_has_forgotten_everybody(two: Two):
    await two.one.people.allocate("somebody", 600, 300)
    two.server.flush()
    two.forward(0)
    with pytest.raises(Forgotten):
        await two.one.people.allocate("somebody", 600, 300)
    with pytest.raises(Forgotten):
        await two.one.people.expire()
    assert await two.one.people.expire() == ()


# --- a server that is away -------------------------------------------------------------------


async def test_a_server_that_is_gone_is_told_and_found_again(tmp_path, two: Two):
    server = RedisServer(tmp_path, persistent=True)
    server.start()
    try:
        async with server.client() as client:
            stores = redis_stores(client, Limits())
            nameplate = (await stores.people.allocate("owner", 600, 300)).nameplate
            server.stop()
            for step in steps_of(stores):
                with pytest.raises(StoreAway):
                    await step
            server.start()
            assert await stores.people.claim("joiner", "192.0.2.1", nameplate)
            assert await stores.people.expire() == ()
    finally:
        server.stop()


async def test_a_server_that_hangs_is_told_within_seconds(tmp_path):
    server = RedisServer(tmp_path)
    server.start()
    try:
        async with server.client() as client:
            stores = redis_stores(client, Limits())
            await stores.people.allocate("owner", 600, 300)
            server.signal(signal.SIGSTOP)
            async with asyncio.timeout(20):
                ends = await asyncio.gather(*steps_of(stores), return_exceptions=True)
            assert {type(end) for end in ends} == {StoreAway}
            server.signal(signal.SIGCONT)
            assert await stores.people.expire() == ()
    finally:
        server.stop()


class Failing:
    """The steps of a store, of which some happen and have no answer."""

    def __init__(self, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taken: list[str] = []
        self.failing = 0
        self._step = store._scripts.step
        monkeypatch.setattr(store._scripts, "step", self)

    async def __call__(self, name: str, *arguments: Any) -> Any:
        answer = await self._step(name, *arguments)
        self.taken.append(name)
        if self.failing:
            self.failing -= 1
            raise StoreAway("the answer was lost")
        return answer


async def test_a_step_whose_answer_is_lost_is_taken_again_and_has_the_same_one(
    two: Two, monkeypatch: pytest.MonkeyPatch
):
    people = two.one.people
    steps = Failing(people, monkeypatch)
    nameplate = (await people.allocate("owner", 600, 300)).nameplate
    steps.failing = 1
    room, notice = await people.claim("joiner", "192.0.2.1", nameplate)
    assert notice.to == "owner"
    await people.meet("owner", "192.0.2.1", PLACE, 600)
    steps.failing = 1
    assert await people.meet("joiner", "192.0.2.1", PLACE, 600)
    assert (await people.totals()).rooms == 2
    steps.failing = 1
    [left] = await people.leave("joiner", room)
    assert (left.to, await people.leave("joiner", room)) == ("owner", ())
    await people.allocate("expires", 1, 1)
    two.forward(1)
    steps.failing = 2
    with pytest.raises(StoreAway):
        await people.expire()
    assert [each.to for each in await people.expire()] == ["expires"]
    assert await people.expire() == ()
    steps.failing = 2
    with pytest.raises(StoreAway):
        await people.lost("joiner")
    assert [each.to for each in await people.lost("joiner")] == ["owner"]
    assert await people.lost("joiner") == ()
    assert steps.taken.count("claim") == 2
    assert steps.taken.count("allocate") == 2, "each but once: another would be another number"


async def test_who_claims_a_code_while_the_server_hangs_gets_the_room(
    tmp_path, monkeypatch: pytest.MonkeyPatch
):
    server = RedisServer(tmp_path)
    server.start()
    try:
        async with server.client() as client:
            people: Any = redis_stores(client, Limits()).people
            nameplate = (await people.allocate("owner", 600, 300)).nameplate
            failed = asyncio.Event()
            step = people._scripts.step

            async def watched(*arguments: Any) -> Any:
                try:
                    return await step(*arguments)
                except StoreAway:
                    failed.set()
                    raise

            monkeypatch.setattr(people._scripts, "step", watched)
            server.signal(signal.SIGSTOP)
            claiming = asyncio.create_task(people.claim("joiner", "192.0.2.1", nameplate))
            await asyncio.wait_for(failed.wait(), 20)
            server.signal(signal.SIGCONT)
            assert await claiming
            assert (await people.totals()).rooms == 1
    finally:
        server.stop()


async def test_what_the_server_cannot_do_is_logged(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
):
    redis_server.flush()
    async with redis_server.client() as client:
        await client.set("{filesend:people}:rooms", "no table")
        with pytest.raises(StoreAway):
            await redis_stores(client, Limits()).people.totals()
    assert "WRONGTYPE" in caplog.text


def steps_of(stores: Stores) -> list[Awaitable[object]]:
    return [
        stores.people.allocate("owner", 600, 300),
        stores.people.expire(),
        stores.swarms.scrape(Scrape((b"s" * 20,))),
        stores.rates.take_of_address(CountedByAddress.CODES, "192.0.2.1"),
    ]


async def test_times_are_of_the_servers_clock(redis_server: RedisServer):
    redis_server.flush()
    async with redis_server.client() as client:
        people = redis_stores(client, Limits()).people
        number = (await people.allocate("a", 0.05, 300)).nameplate
        told: list[Notice] = []

        async def swept() -> None:
            while not told:
                told.extend(await people.expire())

        await asyncio.wait_for(swept(), 20)
        assert [(each.to, each.event) for each in told] == [("a", "nameplateExpired")]
        with pytest.raises(Refusal) as late:
            await people.claim("b", "192.0.2.1", number)
        assert late.value.code == ErrorCode.EXPIRED_CODE


# --- what is kept ----------------------------------------------------------------------------


async def test_no_more_addresses_are_kept_than_the_bound_and_those_that_took_least_go(
    redis_server: RedisServer,
):
    redis_server.flush()
    redis_server.set_clock(0)
    limits = Limits(max_addresses=10, address_claims=Rate(burst=3, per_second=1))
    claims = CountedByAddress.CLAIMS
    async with redis_server.client() as client:
        rates = redis_stores(client, limits, STILL_CLOCK).rates
        for _ in range(3):
            assert await rates.take_of_address(claims, "192.0.2.255")
        for number in range(30):
            assert await rates.take_of_address(claims, f"192.0.2.{number}")
        assert len(redis_server.kept()) == 11, "ten buckets, and the list of them"
        assert not await rates.take_of_address(claims, "192.0.2.255")
        redis_server.set_clock(3)
        assert await rates.take_of_address(claims, "192.0.2.1")
        assert len(redis_server.kept()) == 2, "a full bucket is as good as none"


async def test_a_peers_key_is_not_there_to_be_read(redis_server: RedisServer):
    redis_server.flush()
    async with redis_server.client() as client:
        swarms = redis_stores(client, Limits()).swarms
        frame = Announce(info_hash=b"s" * 20, peer_id=b"p" * 20, key="a peer's secret")
        await swarms.announce("1", "192.0.2.1", frame, 300)
        [peer] = (await client.hgetall("{filesend:swarms}:peers")).values()
        assert b"192.0.2.1" in peer
        assert b"a peer's secret" not in peer
