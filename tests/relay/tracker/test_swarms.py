from __future__ import annotations

import random

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
from relay.tracker.swarms import Delivery, Swarms

SWARM = b"S" * 20
LIMITS = Limits(max_swarms=3, max_swarm_peers=4, max_socket_peers=3, peer_timeout=300)


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
) -> Announce:
    return Announce(
        info_hash=swarm,
        peer_id=name(peer),
        left=left,
        event=event,
        numwant=numwant,
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


def figures(swarms: Swarms, swarm: bytes = SWARM) -> SwarmFigures:
    return swarms.scrape(Scrape((swarm,))).files[swarm]


def offered(deliveries: list[Delivery]) -> list[Delivery]:
    return [each for each in deliveries if isinstance(each.frame, OfferFrame)]


@pytest.fixture
def swarms() -> Swarms:
    return Swarms(LIMITS, random.Random(7))


def test_an_announce_is_answered_with_the_interval_and_the_figures(swarms: Swarms):
    swarms.announce(1, announce("a", left=0), 0)
    [delivery] = swarms.announce(2, announce("b", left=None), 0)
    assert delivery == Delivery(
        2, AnnounceReply(info_hash=SWARM, interval=120, complete=1, incomplete=1)
    )


def test_each_offer_goes_to_another_peer(swarms: Swarms):
    for socket, peer in enumerate("abc"):
        swarms.announce(socket, announce(peer), 0)
    relayed = offered(swarms.announce(9, announce("d", offers=5), 0))
    assert sorted(each.to for each in relayed) == [0, 1, 2]
    assert {each.frame.offer_id[0] for each in relayed} == {0, 1, 2}
    assert all(each.frame.peer_id == name("d") for each in relayed)


def test_numwant_bounds_the_offers_relayed(swarms: Swarms):
    for socket, peer in enumerate("abc"):
        swarms.announce(socket, announce(peer), 0)
    assert len(offered(swarms.announce(9, announce("d", offers=3, numwant=1), 0))) == 1


def test_offers_are_spread_by_chance(swarms: Swarms):
    for socket, peer in enumerate("abc"):
        swarms.announce(socket, announce(peer), 0)
    chosen = {offered(swarms.announce(9, announce("d", offers=1), 0))[0].to for _ in range(50)}
    assert chosen == {0, 1, 2}


def test_a_complete_peer_offers_first_to_those_that_lack_something(swarms: Swarms):
    swarms.announce(1, announce("a", left=0), 0)
    swarms.announce(2, announce("b", left=0), 0)
    swarms.announce(3, announce("c", left=5), 0)
    for _ in range(20):
        assert [d.to for d in offered(swarms.announce(4, announce("d", left=0, offers=1), 0))] == [
            3
        ]
    assert len(offered(swarms.announce(4, announce("d", left=0, offers=3), 0))) == 3


def test_a_peer_never_gets_its_own_offer(swarms: Swarms):
    assert not offered(swarms.announce(1, announce("a", offers=5), 0))


def test_swarms_do_not_mix(swarms: Swarms):
    swarms.announce(1, announce("a"), 0)
    assert not offered(swarms.announce(2, announce("b", offers=5, swarm=b"T" * 20), 0))


def test_an_answer_goes_to_the_peer_it_names(swarms: Swarms):
    swarms.announce(1, announce("a"), 0)
    swarms.announce(2, announce("b"), 0)
    [delivery] = swarms.answer(2, answer("b", "a"))
    assert delivery == Delivery(
        1,
        AnswerFrame(
            info_hash=SWARM,
            peer_id=name("b"),
            offer_id=b"o" * 20,
            answer={"type": "answer", "sdp": "yes"},
        ),
    )


def test_an_answer_to_a_peer_that_has_gone_goes_nowhere(swarms: Swarms):
    swarms.announce(2, announce("b"), 0)
    assert swarms.answer(2, answer("b", "a")) == []


@pytest.mark.parametrize("socket", [1, 3])
def test_nobody_answers_in_another_peers_name(swarms: Swarms, socket: int):
    swarms.announce(1, announce("a"), 0)
    swarms.announce(2, announce("b"), 0)
    with pytest.raises(FrameError) as caught:
        swarms.answer(socket, answer("b", "a"))
    assert (caught.value.action, caught.value.info_hash) == ("announce", SWARM)


def test_stopped_takes_the_peer_out_and_is_answered(swarms: Swarms):
    swarms.announce(1, announce("a"), 0)
    [delivery] = swarms.announce(1, announce("a", event=Event.STOPPED), 0)
    assert delivery.frame == AnnounceReply(info_hash=SWARM, interval=120)
    assert (swarms.swarm_count, swarms.peer_count) == (0, 0)


def test_a_stranger_cannot_stop_a_peer(swarms: Swarms):
    swarms.announce(1, announce("a"), 0)
    swarms.announce(2, announce("a", event=Event.STOPPED), 0)
    assert swarms.peer_count == 1


def test_completed_counts_once(swarms: Swarms):
    swarms.announce(1, announce("a"), 0)
    for _ in range(2):
        swarms.announce(1, announce("a", left=0, event=Event.COMPLETED), 0)
    assert figures(swarms) == SwarmFigures(complete=1, incomplete=0, downloaded=1)


def test_a_seeder_from_the_start_is_no_download(swarms: Swarms):
    swarms.announce(1, announce("a", left=0, event=Event.STARTED), 0)
    assert figures(swarms) == SwarmFigures(complete=1, incomplete=0, downloaded=0)


def test_a_scrape_of_an_unknown_swarm_is_zeros(swarms: Swarms):
    assert figures(swarms) == SwarmFigures()


def test_a_closed_socket_takes_its_peers_out_of_every_swarm(swarms: Swarms):
    swarms.announce(1, announce("a"), 0)
    swarms.announce(1, announce("b", swarm=b"T" * 20), 0)
    swarms.announce(2, announce("c"), 0)
    swarms.closed(1)
    assert (swarms.swarm_count, swarms.peer_count) == (1, 1)
    swarms.closed(1)


def test_the_same_peer_on_a_new_socket_of_its_address_takes_over(swarms: Swarms):
    for socket in (1, 2):
        swarms.opened(socket, "192.0.2.1")
    swarms.announce(1, announce("a"), 0)
    swarms.announce(2, announce("a"), 1)
    swarms.closed(1)
    [delivery] = offered(swarms.announce(3, announce("b", offers=1), 2))
    assert delivery.to == 2


def test_nobody_else_takes_a_peers_place_while_its_socket_lives(swarms: Swarms):
    swarms.opened(1, "192.0.2.1")
    swarms.opened(2, "192.0.2.2")
    swarms.announce(1, announce("a"), 0)
    with pytest.raises(FrameError, match="somebody else's"):
        swarms.announce(2, announce("a"), 1)
    [delivery] = offered(swarms.announce(3, announce("b", offers=1), 2))
    assert delivery.to == 1
    swarms.closed(1)
    swarms.announce(2, announce("a"), 3)
    [delivery] = offered(swarms.announce(3, announce("b", offers=1), 4))
    assert delivery.to == 2


def test_a_silent_peer_times_out_and_an_announcing_one_does_not(swarms: Swarms):
    swarms.announce(1, announce("a"), 0)
    swarms.announce(2, announce("b"), 0)
    swarms.announce(1, announce("a"), 200)
    swarms.expire(299)
    assert swarms.peer_count == 2
    swarms.expire(300)
    assert [d.to for d in offered(swarms.announce(3, announce("c", offers=4), 300))] == [1]


def test_a_full_swarm_loses_its_longest_silent_peer(swarms: Swarms):
    for socket, peer in enumerate("abcd"):
        swarms.announce(socket, announce(peer), socket)
    swarms.announce(0, announce("a"), 5)
    swarms.announce(8, announce("e"), 6)
    relayed = offered(swarms.announce(8, announce("e", offers=5), 6))
    assert sorted(each.to for each in relayed) == [0, 2, 3]


def test_the_longest_silent_swarm_makes_room_for_a_new_one(swarms: Swarms):
    for socket, swarm in enumerate(b"ABCD"):
        swarms.announce(socket, announce("a", swarm=bytes([swarm]) * 20), socket)
    assert (swarms.swarm_count, swarms.peer_count) == (3, 3)
    assert figures(swarms, b"A" * 20) == SwarmFigures()


#: Eleven /64s of one household; and the address of somebody else.
HOUSEHOLD = [f"2001:db8:0:ff{n:02x}::1" for n in range(11)]
VICTIM = "2001:db8:1::1"


def flood(swarms: Swarms, peers: int, *, swarm: bytes | None = None) -> int:
    """Have a household's addresses announce peers in turn; how many were taken in."""
    for number in range(peers):
        socket = 1 + number % len(HOUSEHOLD)
        swarms.opened(socket, HOUSEHOLD[socket - 1])
        peer = number.to_bytes(20)
        try:
            swarms.announce(socket, Announce(info_hash=swarm or peer, peer_id=peer), number)
        except FrameError:
            return number
    return peers


def test_a_household_has_twice_what_an_address_has():
    limits = Limits(max_address_peers=40, max_address_swarm_peers=15)
    assert flood(Swarms(limits), 200) == 80
    assert flood(Swarms(limits), 200, swarm=SWARM) == 30


@pytest.mark.parametrize("swarm", [SWARM, None], ids=["a full swarm", "a full tracker"])
def test_whoever_has_most_makes_room(swarm: bytes | None):
    swarms = Swarms(Limits(max_swarms=20, max_swarm_peers=20), random.Random(7))
    swarms.opened(0, VICTIM)
    swarms.announce(0, announce("v"), 0)
    assert flood(swarms, 200, swarm=swarm) == 200
    assert swarms.peer_count == 20
    offers = offered(swarms.announce(99, announce("x", offers=20), 300))
    assert 0 in {each.to for each in offers}, "the victim has its place still"


def test_all_peers_together_are_bounded():
    swarms = Swarms(Limits(max_peers=3), random.Random(7))
    for socket, peer in enumerate("abcd"):
        swarms.opened(socket, f"192.0.2.{socket // 3}")
        swarms.announce(socket, announce(peer), socket)
    assert swarms.peer_count == 3
    assert sorted(d.to for d in offered(swarms.announce(3, announce("d", offers=5), 9))) == [1, 2]


def test_one_socket_is_in_a_bounded_number_of_swarms(swarms: Swarms):
    for swarm in b"ABC":
        swarms.announce(1, announce("a", swarm=bytes([swarm]) * 20), 0)
    swarms.announce(1, announce("a", swarm=b"A" * 20), 1)
    with pytest.raises(FrameError, match="too many swarms"):
        swarms.announce(1, announce("a", swarm=b"D" * 20), 0)
    assert swarms.swarm_count == 3
