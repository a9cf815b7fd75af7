"""Whatever strangers do in whatever order, the tables in memory stay sound, and empty at last."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from relay.guard.limits import Limits
from relay.stores.base import Entered, Refusal
from relay.stores.memory.rooms import Rooms

LIMITS = Limits(
    max_nameplates=4,
    max_remembered=3,
    max_person_rooms=2,
    max_person_places=2,
    max_address_places=4,
    max_places=5,
)
PEOPLE = "abcdefg"
PLACES = [letter.encode() * 32 for letter in "pqrst"]


class AnyOrder(RuleBasedStateMachine):
    people = st.sampled_from(PEOPLE)
    seconds = st.floats(0, 6)

    def __init__(self) -> None:
        super().__init__()
        self.table = Rooms(LIMITS, random.Random(7))
        self.now = 0.0
        self.numbers = [999_999]
        self.rooms = ["0" * 32]

    def attempt(self, act: Callable[[], object]) -> None:
        try:
            done = act()
        except Refusal:
            return
        if isinstance(done, Entered):
            self.rooms.append(done.room)

    @rule(who=people, lifetime=seconds, rest=seconds)
    def allocate(self, who: str, lifetime: float, rest: float) -> None:
        self.attempt(
            lambda: self.numbers.append(
                self.table.allocate(who, lifetime, rest, self.now).nameplate
            )
        )

    @rule(who=people, back=st.integers(1, 8))
    def claim(self, who: str, back: int) -> None:
        number = self.numbers[-min(back, len(self.numbers))]
        self.attempt(lambda: self.table.claim(who, "192.0.2.1", number, self.now))

    @rule(who=people, place=st.sampled_from(PLACES), lifetime=seconds)
    def meet(self, who: str, place: bytes, lifetime: float) -> None:
        address = f"192.0.2.{PEOPLE.index(who) // 4}"
        self.attempt(lambda: self.table.meet(who, address, place, lifetime, self.now))

    @rule(who=people, place=st.sampled_from(PLACES))
    def leave_place(self, who: str, place: bytes) -> None:
        self.table.leave_place(who, place)

    @rule(who=people, how=st.sampled_from(["release", "lost"]))
    def go(self, who: str, how: str) -> None:
        getattr(self.table, how)(who, self.now)

    @rule(who=people, back=st.integers(1, 8), how=st.sampled_from(["leave", "say", "prove"]))
    def say(self, who: str, back: int, how: str) -> None:
        room = self.rooms[-min(back, len(self.rooms))]
        if how == "leave":
            self.table.leave(who, room)
        else:
            self.attempt(lambda: self.table.route(who, room, proves=how == "prove"))

    @rule(step=st.floats(0, 5))
    def wait(self, step: float) -> None:
        self.now += step
        self.table.expire(self.now)

    @invariant()
    def every_number_is_in_exactly_one_place(self) -> None:
        table = self.table._nameplates
        numbers = [*table._waiting, *table._past]
        assert len(numbers) == len(set(numbers))
        assert +table._in_use == Counter(len(str(number)) for number in numbers)
        assert table._held == {each.owner: number for number, each in table._waiting.items()}
        assert {number for _, number in table._forgotten} == table._past.keys()
        assert len(table._past) == len(table._forgotten) <= LIMITS.max_remembered

    @invariant()
    def every_place_is_somebodys(self) -> None:
        table = self.table._places
        assert {(each.person, place) for place, each in table._waiting.items()} == {
            (person, place) for person, places in table._of.items() for place in places
        }
        assert all(0 < len(places) <= LIMITS.max_person_places for places in table._of.values())
        assert len(table) <= LIMITS.max_places

    @invariant()
    def every_room_is_of_two_who_know(self) -> None:
        table = self.table
        assert Counter((who, room) for room, pair in table._pairs.items() for who in pair) == (
            Counter((who, room) for who, rooms in table._of.items() for room in rooms)
        )
        assert all(pair.waited != pair.came for pair in table._pairs.values())
        assert all(0 < len(rooms) <= LIMITS.max_person_rooms for rooms in table._of.values())
        assert table._unproven.keys() <= table._pairs.keys()

    def teardown(self) -> None:
        """When everybody has gone, and time has passed, nothing is kept."""
        for who in PEOPLE:
            self.table.lost(who, self.now)
        self.table.expire(self.now + 100)
        for part in (self.table, self.table._nameplates, self.table._places):
            for table in vars(part).values():
                if isinstance(table, Counter):
                    assert not +table
                elif isinstance(table, dict | list):
                    assert not table
        assert len(self.table._places._crowd) == 0


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
test_any_order = AnyOrder.TestCase
