"""Any steps in any order end on the server as they do in memory, and each key has an end."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

import pytest

from relay.guard.limits import Limits, Rate
from relay.protocol.tracker_frames import Announce, Answer, Event, FrameError, Offer, Scrape
from relay.stores.base import Counted, CountedByAddress, Entered, Notice, Refusal, Stores
from relay.stores.memory.stores import memory_stores
from relay.stores.redis.stores import redis_stores
from tests.relay.stores.redis_server import STILL_CLOCK, RedisServer

REFUSALS = {
    *("usedCode", "expiredCode", "withdrawnCode", "unknownCode", "ownCode", "nameplateTaken"),
    *("notPaired", "tooManyRooms", "tooManyPlaces", "relayFull"),
    *("too many swarms", "too many peers of one address", "this peer id is somebody else's"),
    "announce before you answer",
}
FEW = Limits(
    max_nameplates=6,
    max_remembered=5,
    max_person_rooms=3,
    max_person_places=2,
    max_address_places=3,
    max_places=5,
    max_swarms=3,
    max_swarm_peers=3,
    max_peers=7,
    max_socket_peers=3,
    max_address_peers=5,
    max_address_swarm_peers=2,
    address_claims=Rate(burst=4, per_second=0.5),
)
PEOPLE = "abcdefg"
#: What the steps of a walk end with at least, or it compares nothing.
WORTH_SEEING = {"Entered", "Notice", *REFUSALS}
#: What is kept when everybody has gone: this process, and the bucket of who asked last.
WITHOUT_PEOPLE = {
    *("processes", "swept", "turns"),
    *("address_claims:192.0.2.1", "full:address_claims"),
}


class Walk:
    """The same steps by chance in several stores, which must end in the same way in all."""

    def __init__(self, seed: int, *stores: Stores) -> None:
        self.chance = random.Random(seed)
        #: Refusals, and kinds of what steps returned.
        self.seen: set[str] = set()
        self._stores = stores
        #: Ids of the same room in each of the stores.
        self._rooms: list[tuple[str, ...]] = [tuple("0" * 32 for _ in stores)]

    async def step(self) -> None:
        """Take one, and compare."""
        take = self.chance.choice([self._people, self._people, self._swarms, self._rates])
        act = take()
        ends = [await self._end(act(stores, place)) for place, stores in enumerate(self._stores)]
        rooms = [end.room for end in ends if isinstance(end, Entered)]
        if rooms:
            self._rooms.append(tuple(rooms))
        self.seen |= {name for name in map(_name, ends) if name}
        first, *others = (self._plain(end, place) for place, end in enumerate(ends))
        assert all(other == first for other in others), (act, first, others)

    async def _end(self, step: Awaitable[object]) -> object:
        try:
            return await step
        except (Refusal, FrameError) as refused_:
            return refused_

    def _plain(self, end: object, place: int) -> object:
        """An end without what chance made of it: with numbers of rooms for their ids."""
        names = {rooms[place]: f"room {number}" for number, rooms in enumerate(self._rooms)}
        match end:
            case Refusal():
                return end.code
            case FrameError():
                return end.reason, end.action, end.info_hash
            case Entered():
                return names[end.room], self._plain(end.notice, place)
            case Notice():
                word = str(end.word)
                for room, name in names.items():
                    word = word.replace(room, name)
                return end.to, end.event, word
            case tuple() | list() if all(isinstance(each, Notice) for each in end):
                return sorted(map(str, (self._plain(each, place) for each in end)))
        return end

    def _people(self) -> Callable[[Stores, int], Awaitable[object]]:
        chance = self.chance
        who, other = chance.choice(PEOPLE), chance.choice(PEOPLE)
        address = f"2001:db8:0:{PEOPLE.index(who) // 2}::{who}"
        number, where = chance.randrange(4_000, 4_008), bytes([chance.randrange(9)]) * 32
        lifetime, proves = chance.randrange(49) / 4, chance.random() < 0.5
        room = chance.choice(self._rooms[-8:])
        acts: list[Callable[[Stores, int], Awaitable[object]]] = [
            lambda to, _: to.people.allocate(who, lifetime, 3, number),
            lambda to, _: to.people.claim(who, address, number),
            lambda to, _: to.people.meet(who, address, where, lifetime),
            lambda to, _: to.people.leave_place(who, where),
            lambda to, _: to.people.release(who),
            lambda to, at: to.people.route(who, room[at], proves=proves),
            lambda to, at: to.people.leave(who, room[at]),
            lambda to, _: to.people.share_room(who, other),
            lambda to, _: to.people.is_paired(who),
            lambda to, _: to.people.lost(who),
            lambda to, _: to.people.expire(),
            lambda to, _: to.people.totals(),
        ]
        weights = [4, 6, 8, 1, 1, 4, 1, 2, 2, 1, 3, 1]
        return chance.choices(acts, weights)[0]

    def _swarms(self) -> Callable[[Stores, int], Awaitable[object]]:
        chance = self.chance
        socket, peer = str(chance.randrange(6)), bytes([chance.randrange(5)]) * 20
        address = f"192.0.2.{chance.randrange(3)}"
        swarm = bytes([chance.randrange(5)]) * 20
        offers = tuple(Offer(bytes([n]) * 20, {}) for n in range(9))
        event = chance.choice([Event.UPDATE, Event.COMPLETED, Event.STARTED, Event.STOPPED])
        announce = Announce(
            info_hash=swarm,
            peer_id=peer,
            left=chance.choice([0, 1, None]),
            event=event if chance.random() < 0.5 else Event.UPDATE,
            numwant=chance.choice([None, None, 0]),
            key=chance.choice(["", "k"]),
            offers=offers,
        )
        answer = Answer(
            info_hash=swarm, peer_id=peer, to_peer_id=b"\1" * 20, offer_id=b"o" * 20, answer={}
        )

        async def announced(to: Stores, _: int) -> object:
            """Which offer goes to whom is by chance."""
            lifetime = 4
            reply, *offered = await to.swarms.announce(socket, address, announce, lifetime)
            return reply, sorted(each.to for each in offered)

        acts: list[Callable[[Stores, int], Awaitable[object]]] = [
            announced,
            lambda to, _: to.swarms.answer(socket, answer),
            lambda to, _: to.swarms.scrape(Scrape((swarm, b"\2" * 20))),
            lambda to, _: to.swarms.drop(socket),
            lambda to, _: to.swarms.members(list("012345")),
            lambda to, _: to.swarms.expire(),
            lambda to, _: to.swarms.totals(),
        ]
        return chance.choices(acts, [12, 2, 1, 1, 1, 2, 1])[0]

    def _rates(self) -> Callable[[Stores, int], Awaitable[object]]:
        chance = self.chance
        address = f"2001:db8:0:0{chance.randrange(2)}::1"
        acts: list[Callable[[Stores, int], Awaitable[object]]] = [
            lambda to, _: to.rates.take_of_address(CountedByAddress.CLAIMS, address),
            lambda to, _: to.rates.give_back(CountedByAddress.CLAIMS, address),
            lambda to, _: to.rates.take(Counted.CODES, address),
            lambda to, _: to.rates.expire(),
        ]
        return chance.choices(acts, [5, 1, 2, 1])[0]


def _name(end: object) -> str | None:
    match end:
        case Refusal():
            return end.code
        case FrameError():
            return end.reason
        case (Notice(), *_):
            return "Notice"
        case Entered():
            return "Entered"
    return None


@pytest.mark.parametrize("seed", range(4))
async def test_any_steps_end_as_in_memory(redis_server: RedisServer, seed: int):
    now = 1_000.0
    redis_server.flush()
    redis_server.set_clock(now)
    async with redis_server.client() as client:
        shared = redis_stores(client, FEW, STILL_CLOCK, lambda: now)
        walk = Walk(seed, memory_stores(FEW, lambda: now), shared)
        for _ in range(3_000):
            now += walk.chance.choice([0, 0, 0, 0, 0.25, 0.5])
            redis_server.set_clock(now)
            await walk.step()
            if walk.chance.random() < 0.1:
                lasting = {key: redis_server.lasts(key) for key in redis_server.kept()}
                assert all(seconds > 0 for seconds in lasting.values()), lasting
        assert walk.seen >= WORTH_SEEING
        for person in PEOPLE:
            await shared.people.lost(person)
        now += 100
        redis_server.set_clock(now)
        await shared.people.expire()
        await shared.swarms.expire()
        await shared.rates.take_of_address(CountedByAddress.CLAIMS, "192.0.2.1")
        names = {key.rpartition(b"}:")[2].decode() for key in redis_server.kept()}
        assert {name for name in names if not name.startswith("answer:")} == WITHOUT_PEOPLE
