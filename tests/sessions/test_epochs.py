"""The secrets by which two people meet again: the same on both sides, different each time."""

from __future__ import annotations

import dataclasses
from itertools import product

from filesend_tui.core.sessions.epochs import root_of, secret_of, to_try
from filesend_tui.core.sessions.pairing import SharedKey
from filesend_tui.core.sessions.shared_secret import place_of

SHARED = SharedKey(b"k" * 32, b"t" * 32, "acrobat violin umbrella")


def test_each_epoch_has_a_secret_and_a_place_of_its_own() -> None:
    root = root_of(SHARED)
    secrets = [secret_of(root, epoch) for epoch in range(1, 50)]
    values = {root.value, SHARED.key, *(secret.value for secret in secrets)}
    assert len(values | {place_of(secret) for secret in secrets}) == 2 + 49 + 49
    assert secret_of(root_of(SHARED), 7) == secrets[6]


def test_each_pairing_has_a_root_of_its_own() -> None:
    others = [
        dataclasses.replace(SHARED, key=b"K" * 32),
        dataclasses.replace(SHARED, transcript=b"T" * 32),
    ]
    assert len({root_of(shared).value for shared in (SHARED, *others)}) == 3


def test_two_whose_last_handshake_broke_off_have_an_epoch_in_common() -> None:
    """One of them may have finished it; a handshake of 0 was the pairing and is never repeated."""
    for ours, theirs in product(range(6), range(6)):
        common = set(to_try(ours)) & set(to_try(theirs))
        assert bool(common) is (abs(ours - theirs) <= 1), (ours, theirs)
        assert 0 not in common
    assert to_try(0) == (1,)
