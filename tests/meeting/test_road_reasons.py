"""Facts of roads in, sentences out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from filesend_tui.core.meeting.road_reasons import (
    _PHRASES,
    RULES,
    Reason,
    better_than,
    none_got_through,
    outcome_words,
    updated,
    why_not_better,
)
from filesend_tui.core.transports.clues import MAX_SAID, Clue, Outcome, RuledOut, Tried, failed

ORDER = ("direct", "webrtc", "relayed")
RELAYED = Tried("relayed", Outcome.TAKEN)
WEBRTC = Tried("webrtc", Outcome.TAKEN)


def direct(*clues: Clue, outcome: Outcome = Outcome.FAILED, port: int = 0) -> Tried:
    return Tried("direct", outcome, frozenset(clues), port)


def webrtc(*clues: Clue, outcome: Outcome = Outcome.FAILED) -> Tried:
    return Tried("webrtc", outcome, frozenset(clues))


@pytest.mark.parametrize(
    ("road", "tried", "message", "hint"),
    [
        pytest.param("direct", [Tried("direct", Outcome.TAKEN)], "", "", id="the best"),
        pytest.param("webrtc", [], "", "", id="an open swarm"),
        pytest.param(
            "relayed",
            [direct(Clue.PORTS_CHANGE_HERE, Clue.PORTS_CHANGE_THERE, port=5050), RELAYED],
            "Both routers give a new port to everyone, so the relay carries it.",
            "Port forwarding of 5050 on either side would make it direct.",
            id="both routers",
        ),
        pytest.param(
            "relayed",
            [
                direct(Clue.PORTS_CHANGE_HERE, Clue.NO_ANSWER, outcome=Outcome.GOING_ON),
                webrtc(outcome=Outcome.GOING_ON),
                RELAYED,
            ],
            "Your router gives a new port to everyone, and theirs lets in only whom it expects, "
            "so the relay carries it.",
            "Port forwarding of 4040 (with direct_port = 4040) would make it direct.",
            id="this router, told at once",
        ),
        pytest.param(
            "webrtc",
            [direct(Clue.PORTS_CHANGE_THERE, outcome=Outcome.LATE), WEBRTC],
            "Their router gives a new port to everyone, and yours lets in only whom it expects, "
            "so it goes through WebRTC.",
            "Port forwarding of 4040 (with direct_port = 4040) on either side would make it "
            "direct.",
            id="their router",
        ),
        pytest.param(
            "relayed",
            [direct(Clue.NO_ANSWER), webrtc(Clue.NO_UDP_HERE), RELAYED],
            "Neither machine lets the other in, and UDP seems to be blocked here, "
            "so the relay carries it.",
            "Port forwarding of 4040 (with direct_port = 4040) would make it direct.",
            id="UDP blocked",
        ),
        pytest.param(
            "relayed",
            [direct(Clue.LEFT_OUT_HERE), webrtc(Clue.LEFT_OUT_HERE), RELAYED],
            "Your settings leave better roads out, so the relay carries it.",
            "With --road auto they are tried.",
            id="the settings",
        ),
        pytest.param(
            "relayed",
            [direct(Clue.PROXY_HERE), webrtc(Clue.PROXY_HERE), RELAYED],
            "This machine reaches the relay by a proxy, and nothing goes around that, "
            "so the relay carries it.",
            "With --road direct or --road webrtc it would.",
            id="a proxy",
        ),
        pytest.param(
            "relayed",
            [direct(Clue.SHOWS_ADDRESS_HERE, outcome=Outcome.LEFT_OUT), WEBRTC],
            "Relay_only in your settings hides this machine's address, "
            "so a TURN server carries it.",
            "Without relay_only it may go directly.",
            id="relay_only",
        ),
        pytest.param(
            "webrtc",
            [direct(Clue.LEFT_OUT_THERE, outcome=Outcome.LEFT_OUT), WEBRTC],
            "The other side offers no better road, so it goes through WebRTC.",
            "Their settings may leave it out: ask them for --road auto.",
            id="their settings",
        ),
        pytest.param(
            "relayed",
            [direct(Clue.OTHER_FAMILY), webrtc(), RELAYED],
            "One of the two machines has IPv4 only, and the other one IPv6 only, "
            "so the relay carries it.",
            "IPv6 on both sides would make it direct.",
            id="no family in common",
        ),
        pytest.param(
            "webrtc",
            [direct(Clue.UNUSABLE_HERE)._replace(said="Nobody may listen."), WEBRTC],
            "This machine cannot use a better road (Nobody may listen), so it goes through WebRTC.",
            "See what `filesend doctor` says.",
            id="it cannot listen",
        ),
        pytest.param(
            "relayed",
            [direct(Clue.REFUSED), webrtc(), RELAYED],
            "A router or a firewall is in between, and neither machine lets the other in, "
            "so the relay carries it.",
            "Port forwarding of 4040 (with direct_port = 4040) on either side would make it "
            "direct.",
            id="refused",
        ),
        pytest.param(
            "relayed",
            [direct(Clue.REFUSED, outcome=Outcome.GOING_ON), RELAYED],
            "Better roads are still tried, and meanwhile the relay carries it.",
            "",
            id="refused so far",
        ),
        pytest.param(
            "webrtc",
            [direct(outcome=Outcome.LATE), WEBRTC],
            "No better road was there in time, so it goes through WebRTC.",
            "",
            id="late",
        ),
        pytest.param(
            "relayed",
            [direct(), webrtc(), RELAYED],
            "No better road got through, so the relay carries it.",
            "",
            id="nothing known",
        ),
    ],
)
def test_why_it_goes_this_way(road: str, tried: list[Tried], message: str, hint: str) -> None:
    assert why_not_better(road, tried) == (message, hint)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: "+".join(sorted(rule.clues)))
def test_every_rule_is_reached_by_its_own_clues(rule: object) -> None:
    """No rule before it takes them all."""
    clues = rule.clues  # type: ignore[attr-defined]
    first = next(each for each in RULES if each.clues <= clues)
    assert first is rule


def test_every_clue_has_words_and_stands_in_the_protocol() -> None:
    assert set(_PHRASES) == set(Clue)
    page = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
    section = page.partition("### Why a road is not taken")[2].partition("\n## ")[0]
    assert set(re.findall(r"`(\w+)`", section)) >= {*Clue, *Outcome}


@pytest.mark.parametrize(
    ("tried", "words"),
    [
        pytest.param(RELAYED, "in use", id="taken"),
        pytest.param(
            direct(Clue.PORTS_CHANGE_HERE, Clue.REFUSED),
            "failed: your router changes ports, refused",
            id="clues",
        ),
        pytest.param(
            direct()._replace(said="It is closed."),
            "failed: It is closed",
            id="its error",
        ),
        pytest.param(
            direct(Clue.LEFT_OUT_HERE, outcome=Outcome.LEFT_OUT),
            "not tried: your settings leave it out",
            id="left out",
        ),
    ],
)
def test_what_became_of_it(tried: Tried, words: str) -> None:
    assert outcome_words(tried) == words


def test_only_better_ones_are_kept_in_their_order() -> None:
    tried = [RELAYED, webrtc(outcome=Outcome.TAKEN), direct(outcome=Outcome.GOING_ON)]
    assert better_than("webrtc", tried, ORDER, waits=False) == (
        direct(outcome=Outcome.LATE),
        webrtc(outcome=Outcome.TAKEN),
    )
    kept = better_than("relayed", [RELAYED, direct(outcome=Outcome.GOING_ON)], ORDER, waits=True)
    assert kept == (direct(outcome=Outcome.GOING_ON), RELAYED)


def test_what_is_tried_again_has_failed_so_far() -> None:
    on = direct(outcome=Outcome.GOING_ON)
    before = (direct(Clue.REFUSED), webrtc(outcome=Outcome.GOING_ON), RELAYED)
    now = [on, webrtc(Clue.NO_UDP_HERE), RELAYED._replace(outcome=Outcome.GOING_ON)]
    assert updated(before, now) == (direct(Clue.REFUSED), webrtc(Clue.NO_UDP_HERE), RELAYED)
    assert updated((on,), [direct(Clue.NO_ANSWER)]) == (direct(Clue.NO_ANSWER),)
    assert updated((direct(Clue.REFUSED),), [direct(Clue.NO_ANSWER)]) == (direct(Clue.NO_ANSWER),)


def test_an_error_is_cleaned_and_bounded() -> None:
    told = failed("direct", OSError("\x1b[31m\u202e" + "x" * 1000))
    assert told.said.isprintable()
    assert len(told.said) <= MAX_SAID
    assert failed("relayed", RuledOut("no", Clue.NO_TRANSIT)).clues == {Clue.NO_TRANSIT}


@pytest.mark.parametrize(
    ("tried", "message", "hint"),
    [
        pytest.param(
            [
                direct(Clue.NO_ANSWER),
                webrtc(Clue.NO_UDP_HERE),
                Tried("relayed", Outcome.FAILED, frozenset({Clue.NO_TRANSIT})),
            ],
            "direct failed: no answer; webrtc failed: no STUN server answers here; "
            "relayed failed: the relay carries no bytes.",
            "A relay that carries bytes (not run with --transit off) would let it through. "
            "Port forwarding of 4040 (with direct_port = 4040) would make it direct.",
            id="all of them",
        ),
        pytest.param(
            [
                direct(Clue.REFUSED),
                Tried("webrtc", Outcome.LEFT_OUT, frozenset({Clue.LEFT_OUT_HERE})),
            ],
            "direct failed: refused; webrtc not tried: your settings leave it out.",
            "With --road auto they are tried.",
            id="some are left out",
        ),
        pytest.param(
            [Tried("webrtc", Outcome.FAILED, said="A peer could not be reached in time.")],
            "webrtc failed: A peer could not be reached in time.",
            "",
            id="nothing is known",
        ),
    ],
)
def test_what_became_of_each_is_told_where_none_led_there(
    tried: list[Tried], message: str, hint: str
) -> None:
    assert none_got_through(tried) == Reason(message, hint)
