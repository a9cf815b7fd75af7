from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from filesend_tui.core.torrent.pieces.availability import Availability, bits_of, random_member


@pytest.mark.parametrize("count", [1, 63, 64, 65, 1000, 5000])
def test_a_random_member_is_fair_and_a_member(count) -> None:
    rng = random.Random(3)
    members = sorted(rng.sample(range(count), max(1, count // 3)))
    bits = bits_of(members, count)
    drawn = Counter(random_member(bits, rng) for _ in range(30 * len(members)))
    assert set(drawn) <= set(members)
    assert len(drawn) >= 0.99 * len(members)
    assert max(drawn.values()) < 30 * 3


def test_counts_agree_with_a_counter() -> None:
    rng = random.Random(8)
    availability = Availability()
    model: Counter[int] = Counter()
    peers: list[Any] = []
    for _ in range(300):
        if peers and rng.random() < 0.45:
            pieces = peers.pop(rng.randrange(len(peers)))
            availability.remove(bits_of(pieces, 40))
            model.subtract(pieces)
        else:
            pieces = rng.sample(range(40), rng.randrange(41))
            peers.append(pieces)
            availability.add(bits_of(pieces, 40))
            model.update(pieces)
        assert [availability.count(i) for i in range(40)] == [model[i] for i in range(40)]
        some = rng.sample(range(40), 7)
        least = min(model[i] for i in some)
        rarest = bits_of([i for i in some if model[i] == least], 40)
        assert availability.rarest(bits_of(some, 40)) == rarest


@pytest.mark.parametrize("index", [-1, 5])
def test_a_piece_that_does_not_exist_is_in_no_set(index) -> None:
    with pytest.raises(IndexError):
        bits_of([0, index], 5)
