"""What the tables in memory take, where they are as full as they can be."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from relay.guard.limits import Limits
from relay.protocol.words import ErrorCode
from relay.stores.base import Refusal
from relay.stores.memory.rooms import Rooms


def test_all_the_rooms_there_can_be_take_little_memory():
    limits = Limits()
    rooms = Rooms(limits, random.Random(7))
    people = [f"{number:020}" for number in range(200)]

    def meet(one: str, other: str) -> None:
        for person in (one, other):
            rooms.meet(person, "192.0.2.1", b"p" * 32, 600, 0)

    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for step in range(1, limits.max_person_rooms // 2 + 1):
            for number, person in enumerate(people):
                meet(person, people[(number + step) % len(people)])
        with pytest.raises(Refusal) as caught:
            meet(people[0], people[1])
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert caught.value.code == ErrorCode.TOO_MANY_ROOMS
    made = rooms.totals().rooms
    assert made == len(people) * limits.max_person_rooms // 2
    most = limits.max_people * limits.max_person_rooms // 2
    assert (after - before) / made * most < 48 * 1024 * 1024
