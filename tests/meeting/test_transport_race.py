"""Races of any number of transports, in virtual time: which one is taken, and what is left of the
others.

The transports here do as they are told; real ones race in tests/core/test_roads.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.meeting.transport_race import TransportRace, Winner
from filesend_tui.core.transports.base import (
    GRACE,
    OPEN_TIMEOUT,
    Attempt,
    Channel,
    RelayAccess,
    Transport,
    no_relay,
)
from tests import virtual_time
from tests.torrent.lab import MemoryChannel

NEVER = 1e6


@dataclass
class Plan:
    """What becomes of one transport. Seconds after which it has opened, or failed."""

    name: str
    opens: float = NEVER
    fails: float = NEVER
    #: What making its offer or answer raises, and how long that takes.
    cannot: Exception | None = None
    making: float = 0.0
    refuses: bool = False
    grace: float = GRACE
    made: list[Scripted] = field(default_factory=list)


class Scripted(Attempt):
    """An attempt that does as planned, and notes what was done with it."""

    def __init__(self, plan: Plan, text: str) -> None:
        self.text = text
        self.accepted = ""
        self.abandoned = self.closed = False
        self.channel: MemoryChannel | None = None
        self._plan = plan
        plan.made.append(self)

    async def accept(self, text: str) -> None:
        if self._plan.refuses:
            raise ChannelFailed(f"{self._plan.name} makes no sense")
        self.accepted = text

    async def opened(self, timeout: float = OPEN_TIMEOUT) -> Channel:
        if min(self._plan.fails, timeout) < self._plan.opens:
            await asyncio.sleep(min(self._plan.fails, timeout))
            raise ChannelFailed(f"{self._plan.name} failed")
        await asyncio.sleep(self._plan.opens)
        self.channel = MemoryChannel(self._plan.name)
        self.channel.other = MemoryChannel("there")
        return self.channel

    def abandon(self) -> None:
        self.abandoned = True

    async def close(self) -> None:
        self.closed = True


class Planned(Transport):
    """A transport that does as planned."""

    def __init__(self, plan: Plan) -> None:
        self.name = plan.name
        self.grace = plan.grace
        self.plan = plan

    async def offer(self, _relay: RelayAccess) -> Attempt:
        return await self._make(f"{self.name}'s offer")

    async def answer(self, text: str, _relay: RelayAccess) -> Attempt:
        return await self._make(f"{self.name}'s answer to {text}")

    async def _make(self, text: str) -> Attempt:
        await asyncio.sleep(self.plan.making)
        if self.plan.cannot is not None:
            raise self.plan.cannot
        return Scripted(self.plan, text)


def planned(*plans: Plan) -> list[Transport]:
    return [Planned(plan) for plan in plans]


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    virtual_time.run(main())


async def raced(*plans: Plan, timeout: float = 20.0) -> tuple[Winner, float]:
    """Answer a peer that offers all of them; return who won, and after how long."""
    race = await TransportRace.answer(
        {plan.name: f"the {plan.name}" for plan in plans}, planned(*plans), no_relay
    )
    loop = asyncio.get_running_loop()
    start = loop.time()
    try:
        winner = await race.opened(timeout)
        return winner, loop.time() - start
    finally:
        await race.close()
        assert all(attempt.closed for plan in plans for attempt in plan.made)


@pytest.mark.parametrize(
    ("plans", "wins", "after"),
    [
        ([Plan("a", opens=3)], "a", 3),
        ([Plan("a", opens=1), Plan("b", opens=2)], "a", 1),
        ([Plan("a", opens=1.3), Plan("b", opens=1)], "a", 1.3),
        ([Plan("a", opens=2), Plan("b", opens=1)], "b", 1 + GRACE),
        ([Plan("a", opens=2), Plan("b", fails=1)], "a", 2),
        ([Plan("a", fails=1), Plan("b", opens=2)], "b", 2),
        ([Plan("a", fails=1.1), Plan("b", opens=1)], "b", 1.1),
        ([Plan("a"), Plan("b"), Plan("c", opens=1)], "c", 1 + GRACE),
        ([Plan("a"), Plan("b", opens=1.2), Plan("c", opens=1)], "b", 1 + GRACE),
        ([Plan("a", opens=1.3), Plan("b", opens=1.2), Plan("c", opens=1)], "a", 1.3),
        ([Plan("a", fails=1.3), Plan("b", opens=1.2), Plan("c", opens=1)], "b", 1.3),
        ([Plan("a", fails=1), Plan("b", opens=1), Plan("c", opens=9)], "b", 1),
        ([*(Plan(str(n), fails=n) for n in range(1, 7)), Plan("last", opens=9)], "last", 9),
        ([Plan("a", opens=3), Plan("b", opens=1, grace=3)], "a", 3),
        ([Plan("a", opens=5), Plan("b", opens=1, grace=3)], "b", 4),
        ([Plan("a", fails=3), Plan("b", opens=1, grace=3)], "b", 3),
        ([Plan("a"), Plan("b", opens=1), Plan("c", opens=0, grace=3)], "b", 1 + GRACE),
        ([Plan("a"), Plan("b", opens=2.9), Plan("c", opens=0, grace=3)], "b", 3),
        ([Plan("a"), Plan("b", opens=1, grace=0)], "b", 1),
        ([Plan("best", opens=2), *(Plan(str(n), opens=1.9) for n in range(6))], "best", 2),
    ],
    ids=[
        "one alone",
        "the better one is first",
        "the better one comes in time",
        "the better one comes too late",
        "the other one failed",
        "the better one failed",
        "the better one fails while it is waited for",
        "the last of three",
        "one in the middle comes while the best is waited for",
        "the best of three comes in time",
        "the best of three fails while it is waited for",
        "nothing waits for one that is worse",
        "the last of seven is all that is left",
        "one that waits longer, and the better one comes",
        "one that waits longer, in vain",
        "one that waits longer, until the better one fails",
        "one that came later, and waits less long",
        "one that came later, and the first has waited",
        "one that waits for nobody",
        "the best of seven comes in time",
    ],
)
def test_the_first_good_one_wins_after_a_moment_for_better_ones(
    plans: list[Plan], wins: str, after: float
) -> None:
    async def main() -> None:
        winner, took = await raced(*plans)
        assert winner.transport.name == wins
        assert took == pytest.approx(after, abs=0.001)
        for plan in plans:
            for channel in [attempt.channel for attempt in plan.made if attempt.channel]:
                assert channel.closed == (plan.name != wins), "the others that opened are closed"
        assert not winner.channel.closed

    run(main)


def test_where_all_fail_it_is_told_why_the_last_of_them_did() -> None:
    async def main() -> None:
        with pytest.raises(ChannelFailed, match="c failed"):
            await raced(Plan("a", fails=3), Plan("b", fails=1), Plan("c", fails=2))
        with pytest.raises(ChannelFailed, match="b failed"):
            await raced(Plan("a"), Plan("b"), timeout=5)

    run(main)


def test_all_are_offered_at_once_and_told_by_name() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        race = await TransportRace.offer(
            planned(Plan("a", making=2), Plan("b", making=1)), no_relay
        )
        assert loop.time() - start == pytest.approx(2)
        assert race.texts == {"a": "a's offer", "b": "b's offer"}
        await race.close()

    run(main)


def test_one_that_cannot_be_made_is_left_out() -> None:
    async def main() -> None:
        fails = Plan("a", cannot=ChannelFailed("a has no port"))
        race = await TransportRace.offer(planned(fails, Plan("b")), no_relay)
        assert race.texts == {"b": "b's offer"}
        await race.close()
        race = await TransportRace.answer({"a": "x", "b": "y"}, planned(fails, Plan("b")), no_relay)
        assert race.texts == {"b": "b's answer to y"}
        await race.close()
        with pytest.raises(ChannelFailed, match="b has none"):
            last = Plan("b", cannot=ChannelFailed("b has none"))
            await TransportRace.offer(planned(fails, last), no_relay)

    run(main)


def test_names_that_only_one_side_knows_are_left_alone() -> None:
    async def main() -> None:
        ours = planned(Plan("a"), Plan("b"))
        race = await TransportRace.answer({"b": "here", "pigeon": "ring 7"}, ours, no_relay)
        assert race.texts == {"b": "b's answer to here"}
        await race.close()
        with pytest.raises(ChannelFailed, match="no road that is allowed"):
            await TransportRace.answer({"pigeon": "ring 7"}, ours, no_relay)
        with pytest.raises(ChannelFailed, match="no road that is allowed"):
            await TransportRace.answer({}, ours, no_relay)

    run(main)


def test_what_the_answer_leaves_out_or_gets_wrong_is_given_up() -> None:
    async def main() -> None:
        kept, left, wrong = Plan("kept", opens=1), Plan("left"), Plan("wrong", refuses=True)
        race = await TransportRace.offer(planned(left, wrong, kept), no_relay)
        await race.accept({"kept": "yes", "wrong": "nonsense", "pigeon": "ring 7"})
        assert [plan.made[0].closed for plan in (left, wrong, kept)] == [True, True, False]
        assert kept.made[0].accepted == "yes"
        assert (await race.opened(5)).transport.name == "kept"
        await race.close()

    run(main)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({}, "no road that was offered"),
        ({"pigeon": "x"}, "no road that was offered"),
        ({"b": "x"}, "b makes no sense"),
    ],
)
def test_an_answer_to_nothing_is_refused_and_everything_freed(
    answer: dict[str, str], why: str
) -> None:
    async def main() -> None:
        plans = [Plan("a"), Plan("b", refuses=True)]
        race = await TransportRace.offer(planned(*plans), no_relay)
        with pytest.raises(ChannelFailed, match=why):
            await race.accept(answer)
        assert all(plan.made[0].closed for plan in plans)
        await race.close()

    run(main)


def test_a_race_is_settled_once_any_of_them_is() -> None:
    async def main() -> None:
        plans = [Plan("a"), Plan("b"), Plan("c")]
        race = await TransportRace.offer(planned(*plans), no_relay)
        assert not race.settled
        plans[1].made[0].settled = True
        assert race.settled
        race.abandon()
        assert all(plan.made[0].abandoned for plan in plans)
        await race.close()

    run(main)


def test_a_fault_of_the_program_is_not_hidden_and_leaves_nothing() -> None:
    async def main() -> None:
        fine = Plan("a")
        with pytest.raises(KeyError):
            await TransportRace.offer(
                planned(fine, Plan("b", cannot=KeyError("a fault"))), no_relay
            )
        assert fine.made[0].closed

    run(main)


@pytest.mark.parametrize("when", [0.5, 1.5])
def test_being_stopped_while_they_are_made_leaves_none(when: float) -> None:
    async def main() -> None:
        plans = [Plan("a", making=1), Plan("b", making=2)]
        making = asyncio.create_task(TransportRace.offer(planned(*plans), no_relay))
        await asyncio.sleep(when)
        making.cancel()
        with pytest.raises(asyncio.CancelledError):
            await making
        assert all(attempt.closed for plan in plans for attempt in plan.made)
        assert len(asyncio.all_tasks()) == 1

    run(main)


@pytest.mark.parametrize("when", [0.5, 1.1, 1.5])
def test_being_stopped_while_they_open_leaves_none(when: float) -> None:
    async def main() -> None:
        plans = [Plan("a", opens=2), Plan("b", opens=1), Plan("c", opens=1.2)]
        race = await TransportRace.offer(planned(*plans), no_relay)
        opening = asyncio.create_task(race.opened(5))
        await asyncio.sleep(when)
        opening.cancel()
        await asyncio.wait({opening})
        await race.close()
        # What was handed out is the caller's.
        taken = None if opening.cancelled() else opening.result().channel
        channels = [attempt.channel for plan in plans for attempt in plan.made if attempt.channel]
        assert all(channel.closed == (channel is not taken) for channel in channels)
        assert len(asyncio.all_tasks()) == 1

    run(main)
