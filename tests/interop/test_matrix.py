"""Two peers, one of them ours and the other a stranger's, a tracker, and a magnet link alone.

Chromium and libtorrent, each as the one who has it and the one who wants it, through our tracker
and through bittorrent-tracker. That the hash is right is not enough: both ends count the bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.conftest import SPEED
from tests.interop.kinds import Kind, Ours
from tests.interop.payloads import MB, Payload, single, tree
from tests.interop.trackers import TRACKERS, Tracker

#: Payload bytes that may go over the wire, by the payload's own: nothing is sent twice.
WASTE = 1.02

everywhere = pytest.mark.parametrize("tracker", list(TRACKERS), indirect=True)
with_strangers = pytest.mark.parametrize("other", ["chromium", "libtorrent"], indirect=True)
payloads = pytest.mark.parametrize("make", [single, tree])
Make = Callable[..., Payload]


@everywhere
@with_strangers
@payloads
def test_we_seed_and_they_download(
    tmp_path: Path,
    tracker: Tracker,
    ours: Ours,
    other: Kind,
    make: Make,
    record_property: Callable[[str, object], None],
) -> None:
    payload = make(tmp_path, seed=f"we seed {other.name} {tracker.relay}")
    _exchange(payload, tracker, ours, other, record_property)


@everywhere
@with_strangers
@payloads
def test_they_seed_and_we_download(
    tmp_path: Path,
    tracker: Tracker,
    ours: Ours,
    other: Kind,
    make: Make,
    record_property: Callable[[str, object], None],
) -> None:
    payload = make(tmp_path, seed=f"{other.name} seeds {tracker.relay}")
    _exchange(payload, tracker, other, ours, record_property)


def _exchange(
    payload: Payload,
    tracker: Tracker,
    seeder: Kind,
    leecher: Kind,
    record_property: Callable[[str, object], None],
) -> None:
    seeding = seeder.seed(payload, tracker.url)
    assert "xt=urn:btih:" in seeding.magnet

    got = leecher.download(seeding.magnet, payload).done()

    assert got.files == payload.files
    assert payload.total <= got.received <= payload.total * WASTE
    assert payload.total <= seeding.sent(payload.total) <= payload.total * WASTE
    shape = "20 MB file" if payload.path.is_file() else "folder of 30"
    at = "relay" if tracker.relay else "bittorrent-tracker"
    speed = payload.total / MB / max(got.seconds, 0.001)
    record_property(
        SPEED, f"{seeder.name:>10} → {leecher.name:<10}  {shape:<12}  {at:<18} {speed:6.1f}"
    )
