"""What every SwarmStore promises."""

from __future__ import annotations

import asyncio

import pytest

from relay.guard.limits import Limits
from relay.protocol.tracker_frames import (
    Announce,
    AnnounceReply,
    Answer,
    AnswerFrame,
    Event,
    FrameError,
    Offer,
    OfferFrame,
    Scrape,
    SwarmFigures,
)
from relay.stores.base import Delivery, SwarmTotals
from tests.relay.stores.conftest import Keep, Kept

SWARM = b"S" * 20
LIMITS = Limits(max_swarms=3, max_swarm_peers=4, max_socket_peers=3)


def name(letter: str) -> bytes:
    return letter.encode() * 20


def announce(
    peer: str,
    *,
    offers: int = 0,
    left: int | None = 1,
    event: Event = Event.UPDATE,
    numwant: int | None = None,
    swarm: bytes = SWARM,
    key: str = "",
) -> Announce:
    return Announce(
        info_hash=swarm,
        peer_id=name(peer),
        left=left,
        event=event,
        numwant=numwant,
        key=key,
        offers=tuple(
            Offer(bytes([n]) * 20, {"type": "offer", "sdp": f"{peer}{n}"}) for n in range(offers)
        ),
    )


def answer(peer: str, to: str) -> Answer:
    return Answer(
        info_hash=SWARM,
        peer_id=name(peer),
        to_peer_id=name(to),
        offer_id=b"o" * 20,
        answer={"type": "answer", "sdp": "yes"},
    )


class Swarms:
    """A store of swarms, with numbers for sockets, and one address for who does not say another."""

    def __init__(self, kept: Kept) -> None:
        self.forward = kept.forward
        self._swarms = kept.stores.swarms

    async def announce(
        self, socket: int, frame: Announce, address: str = "192.0.2.1", lifetime: float = 300
    ) -> list[Delivery]:
        return [*await self._swarms.announce(str(socket), address, frame, lifetime)]

    async def answer(self, socket: int, frame: Answer) -> list[Delivery]:
        return [*await self._swarms.answer(str(socket), frame)]

    async def offered(self, socket: int, frame: Announce) -> list[int]:
        """Announce; who gets the offers, in order."""
        return sorted(int(each.to) for each in offers_of(await self.announce(socket, frame)))

    async def drop(self, socket: int) -> None:
        await self._swarms.drop(str(socket))

    async def expire_after(self, seconds: float) -> None:
        self.forward(seconds)
        await self._swarms.expire()

    async def members(self, *sockets: int) -> list[int]:
        return sorted(int(each) for each in await self._swarms.members([str(s) for s in sockets]))

    async def figures(self, swarm: bytes = SWARM) -> SwarmFigures:
        return (await self._swarms.scrape(Scrape((swarm,)))).files[swarm]

    async def totals(self) -> SwarmTotals:
        return await self._swarms.totals()


def offers_of(deliveries: list[Delivery]) -> list[Delivery]:
    return [each for each in deliveries if isinstance(each.frame, OfferFrame)]


@pytest.fixture
async def swarms(keep: Keep) -> Swarms:
    return Swarms(await keep(LIMITS))


async def test_an_announce_is_answered_with_the_interval_and_the_figures(swarms: Swarms):
    await swarms.announce(1, announce("a", left=0))
    [delivery] = await swarms.announce(2, announce("b", left=None))
    assert delivery == Delivery(
        "2", AnnounceReply(info_hash=SWARM, interval=120, complete=1, incomplete=1)
    )


async def test_each_offer_goes_to_another_peer(swarms: Swarms):
    for socket, peer in enumerate("abc"):
        await swarms.announce(socket, announce(peer))
    relayed = offers_of(await swarms.announce(9, announce("d", offers=5)))
    assert sorted(each.to for each in relayed) == ["0", "1", "2"]
    frames = [each.frame for each in relayed if isinstance(each.frame, OfferFrame)]
    assert {frame.offer_id[0] for frame in frames} == {0, 1, 2}
    assert all(frame.peer_id == name("d") for frame in frames)


async def test_numwant_bounds_the_offers_relayed(swarms: Swarms):
    for socket, peer in enumerate("abc"):
        await swarms.announce(socket, announce(peer))
    assert len(await swarms.offered(9, announce("d", offers=3, numwant=1))) == 1


async def test_offers_are_spread_by_chance(swarms: Swarms):
    for socket, peer in enumerate("abc"):
        await swarms.announce(socket, announce(peer))
    chosen = [await swarms.offered(9, announce("d", offers=1)) for _ in range(100)]
    assert sorted({to for (to,) in chosen}) == [0, 1, 2]


async def test_a_complete_peer_offers_first_to_those_that_lack_something(swarms: Swarms):
    await swarms.announce(1, announce("a", left=0))
    await swarms.announce(2, announce("b", left=0))
    await swarms.announce(3, announce("c", left=5))
    for _ in range(20):
        assert await swarms.offered(4, announce("d", left=0, offers=1)) == [3]
    assert len(await swarms.offered(4, announce("d", left=0, offers=3))) == 3


async def test_a_peer_never_gets_its_own_offer(swarms: Swarms):
    assert await swarms.offered(1, announce("a", offers=5)) == []


async def test_swarms_do_not_mix(swarms: Swarms):
    await swarms.announce(1, announce("a"))
    assert await swarms.offered(2, announce("b", offers=5, swarm=b"T" * 20)) == []


async def test_an_answer_goes_to_the_peer_it_names(swarms: Swarms):
    await swarms.announce(1, announce("a"))
    await swarms.announce(2, announce("b"))
    [delivery] = await swarms.answer(2, answer("b", "a"))
    assert delivery == Delivery(
        "1",
        AnswerFrame(
            info_hash=SWARM,
            peer_id=name("b"),
            offer_id=b"o" * 20,
            answer={"type": "answer", "sdp": "yes"},
        ),
    )


async def test_an_answer_to_a_peer_that_has_gone_goes_nowhere(swarms: Swarms):
    await swarms.announce(2, announce("b"))
    assert await swarms.answer(2, answer("b", "a")) == []


@pytest.mark.parametrize("socket", [1, 3])
async def test_nobody_answers_in_another_peers_name(swarms: Swarms, socket: int):
    await swarms.announce(1, announce("a"))
    await swarms.announce(2, announce("b"))
    with pytest.raises(FrameError) as caught:
        await swarms.answer(socket, answer("b", "a"))
    assert (caught.value.action, caught.value.info_hash) == ("announce", SWARM)


async def test_stopped_takes_the_peer_out_and_is_answered(swarms: Swarms):
    await swarms.announce(1, announce("a"))
    [delivery] = await swarms.announce(1, announce("a", event=Event.STOPPED))
    assert delivery.frame == AnnounceReply(info_hash=SWARM, interval=120)
    assert await swarms.totals() == SwarmTotals(swarms=0, peers=0)


async def test_a_stranger_cannot_stop_a_peer(swarms: Swarms):
    await swarms.announce(1, announce("a"))
    await swarms.announce(2, announce("a", event=Event.STOPPED))
    assert (await swarms.totals()).peers == 1


async def test_completed_counts_once(swarms: Swarms):
    await swarms.announce(1, announce("a"))
    for _ in range(2):
        await swarms.announce(1, announce("a", left=0, event=Event.COMPLETED))
    assert await swarms.figures() == SwarmFigures(complete=1, incomplete=0, downloaded=1)


async def test_a_seeder_from_the_start_is_no_download(swarms: Swarms):
    await swarms.announce(1, announce("a", left=0, event=Event.STARTED))
    assert await swarms.figures() == SwarmFigures(complete=1, incomplete=0, downloaded=0)


async def test_a_scrape_of_an_unknown_swarm_is_zeros(swarms: Swarms):
    assert await swarms.figures() == SwarmFigures()


async def test_a_closed_socket_takes_its_peers_out_of_every_swarm(swarms: Swarms):
    await swarms.announce(1, announce("a"))
    await swarms.announce(1, announce("b", swarm=b"T" * 20))
    await swarms.announce(2, announce("c"))
    assert await swarms.members(1, 2, 3) == [1, 2]
    await swarms.drop(1)
    assert await swarms.totals() == SwarmTotals(swarms=1, peers=1)
    assert await swarms.members(1, 2, 3) == [2]
    await swarms.drop(1)


async def test_the_same_peer_on_a_new_socket_of_its_address_takes_over(swarms: Swarms):
    await swarms.announce(1, announce("a"))
    await swarms.announce(2, announce("a"))
    await swarms.drop(1)
    assert await swarms.offered(3, announce("b", offers=1)) == [2]


async def test_nobody_else_takes_a_peers_place_while_its_socket_lives(swarms: Swarms):
    await swarms.announce(1, announce("a"), "192.0.2.1")
    with pytest.raises(FrameError, match="somebody else's"):
        await swarms.announce(2, announce("a"), "192.0.2.2")
    assert await swarms.offered(3, announce("b", offers=1)) == [1]
    await swarms.drop(1)
    await swarms.announce(2, announce("a"), "192.0.2.2")
    assert await swarms.offered(3, announce("b", offers=1)) == [2]


@pytest.mark.parametrize(("first", "then"), [("", ""), ("k", ""), ("", "k"), ("k", "l")])
async def test_a_peer_that_moved_is_known_by_its_key_alone(swarms: Swarms, first: str, then: str):
    await swarms.announce(1, announce("a", key=first), "192.0.2.1")
    with pytest.raises(FrameError, match="somebody else's"):
        await swarms.announce(2, announce("a", key=then), "192.0.2.2")
    assert await swarms.offered(3, announce("b", offers=1)) == [1]


async def test_a_peer_that_moved_leaves_nothing_at_its_old_address(swarms: Swarms):
    await swarms.announce(1, announce("a", key="k"), "192.0.2.1")
    await swarms.announce(2, announce("a", key="k", left=0), "192.0.2.2")
    await swarms.drop(1)  # its old socket, noticed late
    assert await swarms.offered(3, announce("b", offers=1)) == [2]
    assert await swarms.totals() == SwarmTotals(swarms=1, peers=2)
    await swarms.drop(2)
    await swarms.drop(3)
    assert await swarms.totals() == SwarmTotals(swarms=0, peers=0)


async def test_a_silent_peer_times_out_and_an_announcing_one_does_not(swarms: Swarms):
    await swarms.announce(1, announce("a"))
    await swarms.announce(2, announce("b"))
    await swarms.expire_after(200)
    await swarms.announce(1, announce("a"))
    await swarms.expire_after(99)
    assert (await swarms.totals()).peers == 2
    await swarms.expire_after(1)
    assert await swarms.offered(3, announce("c", offers=4)) == [1]


async def test_each_peer_lives_as_long_as_was_said_with_its_last_announce(swarms: Swarms):
    await swarms.announce(1, announce("a"), lifetime=50)
    await swarms.announce(2, announce("b"), lifetime=10)
    await swarms.announce(3, announce("c"), lifetime=10)
    await swarms.announce(3, announce("c"), lifetime=50)
    await swarms.expire_after(10)
    assert await swarms.members(1, 2, 3) == [1, 3]
    await swarms.expire_after(40)
    assert await swarms.totals() == SwarmTotals(swarms=0, peers=0)


async def test_a_full_swarm_loses_its_longest_silent_peer(swarms: Swarms):
    for socket, peer in enumerate("abcda"):
        await swarms.announce(socket % 4, announce(peer))
        swarms.forward(1)
    await swarms.announce(8, announce("e"))
    assert await swarms.offered(8, announce("e", offers=5)) == [0, 2, 3]


async def test_the_longest_silent_swarm_makes_room_for_a_new_one(swarms: Swarms):
    for socket, swarm in enumerate(b"ABCD"):
        await swarms.announce(socket, announce("a", swarm=bytes([swarm]) * 20))
        swarms.forward(1)
    assert await swarms.totals() == SwarmTotals(swarms=3, peers=3)
    assert await swarms.figures(b"A" * 20) == SwarmFigures()


#: Eleven /64s of one household; and the address of somebody else.
HOUSEHOLD = [f"2001:db8:0:ff{n:02x}::1" for n in range(11)]
VICTIM = "2001:db8:1::1"


async def flood(swarms: Swarms, peers: int, *, swarm: bytes | None = None) -> int:
    """Have a household's addresses announce peers in turn; how many were taken in."""
    for number in range(peers):
        socket = 1 + number % len(HOUSEHOLD)
        peer = number.to_bytes(20)
        frame = Announce(info_hash=swarm or peer, peer_id=peer)
        try:
            await swarms.announce(socket, frame, HOUSEHOLD[socket - 1])
        except FrameError:
            return number
        swarms.forward(1)
    return peers


async def test_a_household_has_twice_what_an_address_has(keep: Keep):
    limits = Limits(max_address_peers=40, max_address_swarm_peers=15)
    assert await flood(Swarms(await keep(limits)), 200) == 80
    assert await flood(Swarms(await keep(limits)), 200, swarm=SWARM) == 30


@pytest.mark.parametrize("swarm", [SWARM, None], ids=["a full swarm", "a full tracker"])
async def test_whoever_has_most_makes_room(keep: Keep, swarm: bytes | None):
    swarms = Swarms(await keep(Limits(max_swarms=20, max_swarm_peers=20)))
    await swarms.announce(0, announce("v"), VICTIM)
    assert await flood(swarms, 200, swarm=swarm) == 200
    assert (await swarms.totals()).peers == 20
    offered = await swarms.offered(99, announce("x", offers=20))
    assert 0 in offered, "the victim has its place still"


async def test_all_peers_together_are_bounded(keep: Keep):
    swarms = Swarms(await keep(Limits(max_peers=3)))
    for socket, peer in enumerate("abcd"):
        await swarms.announce(socket, announce(peer), f"192.0.2.{socket // 3}")
    assert (await swarms.totals()).peers == 3
    [_, *offers] = await swarms.announce(3, announce("d", offers=5), "192.0.2.1")
    assert sorted(each.to for each in offers) == ["1", "2"]


async def test_one_socket_is_in_a_bounded_number_of_swarms(swarms: Swarms):
    for swarm in b"ABC":
        await swarms.announce(1, announce("a", swarm=bytes([swarm]) * 20))
    await swarms.announce(1, announce("a", swarm=b"A" * 20))
    with pytest.raises(FrameError, match="too many swarms"):
        await swarms.announce(1, announce("a", swarm=b"D" * 20))
    assert (await swarms.totals()).swarms == 3


async def test_a_place_in_a_full_swarm_of_one_address_is_taken_once(keep: Keep):
    swarms = Swarms(await keep(Limits(max_address_swarm_peers=5)))
    announces = (
        swarms.announce(n, Announce(info_hash=SWARM, peer_id=bytes([n]) * 20)) for n in range(20)
    )
    ends = await asyncio.gather(*announces, return_exceptions=True)
    assert sum(isinstance(end, FrameError) for end in ends) == 15
    assert (await swarms.totals()).peers == 5


async def test_a_peer_id_announced_by_many_at_once_is_one_of_theirs(swarms: Swarms):
    announces = (swarms.announce(n, announce("a"), f"192.0.2.{n}") for n in range(20))
    ends = await asyncio.gather(*announces, return_exceptions=True)
    assert sum(isinstance(end, FrameError) for end in ends) == 19
    assert len(await swarms.members(*range(20))) == (await swarms.totals()).peers == 1
