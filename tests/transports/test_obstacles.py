"""What offers and candidates tell of why two may not meet."""

from __future__ import annotations

import pytest

from filesend_tui.core.transports.clues import Clue
from filesend_tui.core.transports.direct.obstacles import obstacles, refusal
from filesend_tui.core.transports.direct.offer import DirectOffer, Endpoint
from filesend_tui.core.transports.webrtc import obstacles as webrtc
from filesend_tui.core.transports.webrtc.remote_sdp import vet
from tests.transports.test_remote_sdp import FIREFOX

HERE, THERE = Clue.PORTS_CHANGE_HERE, Clue.PORTS_CHANGE_THERE


def offer(*endpoints: tuple[str, int], outside: tuple[tuple[str, int], ...] = ()) -> DirectOffer:
    return DirectOffer(
        b"t" * 16,
        b"c",
        tuple(Endpoint(*each) for each in endpoints),
        tuple(Endpoint(*each) for each in outside),
    )


KEPT = offer(("192.168.0.2", 4000), outside=(("203.0.113.1", 4000),))
CHANGED = offer(("192.168.0.3", 4000), outside=(("203.0.113.2", 51000),))
UNSEEN = offer(("192.168.0.4", 4000))
IPV6 = offer(("2001:db8::1", 4000), outside=(("2001:db8::1", 4000),))


@pytest.mark.parametrize(
    ("ours", "theirs", "clues"),
    [
        pytest.param(KEPT, KEPT, set(), id="both keep ports"),
        pytest.param(CHANGED, KEPT, {HERE}, id="this router changes them"),
        pytest.param(KEPT, CHANGED, {THERE}, id="theirs does"),
        pytest.param(CHANGED, CHANGED, {HERE, THERE}, id="both do"),
        pytest.param(UNSEEN, UNSEEN, set(), id="nobody told how they are seen"),
        pytest.param(IPV6, KEPT, {Clue.OTHER_FAMILY}, id="no family in common"),
        pytest.param(KEPT, offer(), {Clue.NO_ADDRESS_THERE}, id="no address"),
    ],
)
def test_two_offers(ours: DirectOffer, theirs: DirectOffer, clues: set[Clue]) -> None:
    assert obstacles(ours, theirs) == clues


@pytest.mark.parametrize(
    ("error", "clue"),
    [
        pytest.param(TimeoutError(), Clue.NO_ANSWER, id="nothing"),
        pytest.param(ConnectionRefusedError(), Clue.REFUSED, id="refused"),
        pytest.param(OSError(101, "Network is unreachable"), Clue.NO_ROUTE, id="no route"),
    ],
)
def test_a_failed_connection(error: OSError, clue: Clue) -> None:
    assert refusal(error) is clue


INSIDE = "a=candidate:0 1 udp 2122252543 192.168.0.2 50000 typ host\r\n"
SEEN = "a=candidate:1 1 udp 1686052863 203.0.113.1 50000 typ srflx raddr 0.0.0.0 rport 0\r\n"
RELAYED = "a=candidate:2 1 udp 41885439 203.0.113.9 3478 typ relay raddr 0.0.0.0 rport 0\r\n"
GLOBAL = "a=candidate:3 1 udp 2122252543 1.1.1.1 50000 typ host\r\n"


@pytest.mark.parametrize(
    ("ours", "clues"),
    [
        pytest.param(INSIDE, {Clue.NO_UDP_HERE}, id="inside alone"),
        pytest.param(INSIDE + SEEN, set(), id="seen by a server"),
        pytest.param(INSIDE + RELAYED, set(), id="by TURN"),
        pytest.param(INSIDE + GLOBAL, set(), id="no router"),
        pytest.param("", set(), id="not known yet"),
    ],
)
def test_our_candidates(ours: str, clues: set[Clue]) -> None:
    assert webrtc.obstacles(ours, None) == clues


def test_a_peers_candidates() -> None:
    inside = FIREFOX.replace("192.0.2.4 50000", "192.168.0.9 50000")
    assert webrtc.obstacles("", vet(inside, "answer")) == {Clue.NO_UDP_THERE}
    more_to_come = inside.replace("a=end-of-candidates\n", "")
    assert webrtc.obstacles("", vet(more_to_come, "answer")) == set()
