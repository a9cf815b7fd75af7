"""Two peers, one of them ours and the other a stranger's, a tracker, and a magnet link alone.

Chromium and libtorrent, each as the one who has it and the one who wants it, through our tracker
and through bittorrent-tracker. That the hash is right is not enough: both ends count the bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.conftest import SPEED
from tests.interop.kinds import Got, Kind, OurEnd, Ours
from tests.interop.line_process import PeerFailed
from tests.interop.payloads import MB, Payload, crowd, single, tree
from tests.interop.trackers import TRACKERS, Tracker

#: Nothing is sent twice: the most that may go over the wire, by a payload's bytes and beside them.
#: webtorrent counts the info dictionary and the head of each message as well.
MOST = 1.01
OVERHEAD = 64 * 1024
SHAPES = {"single": "20 MB file", "tree": "folder of 30"}

#: A tracker and our WebRTC stack. The trackers never see which stack made an offer, so both stacks
#: meet both strangers at one of them alone.
AIORTC = [(tracker, "aiortc") for tracker in TRACKERS]
NATIVE = pytest.param("relay", "native", marks=pytest.mark.native)
everywhere = pytest.mark.parametrize(("tracker", "ours"), [*AIORTC, NATIVE], indirect=True)
at_our_relay = pytest.mark.parametrize(("tracker", "ours"), [AIORTC[0], NATIVE], indirect=True)
with_strangers = pytest.mark.parametrize("other", ["chromium", "libtorrent"], indirect=True)
payloads = pytest.mark.parametrize("make", [single, tree])
Make = Callable[..., Payload]
Record = Callable[[str, object], None]


@everywhere
@with_strangers
@payloads
def test_we_seed_and_they_download(
    tmp_path: Path,
    tracker: Tracker,
    ours: Ours,
    other: Kind,
    make: Make,
    record_property: Record,
) -> None:
    payload = make(tmp_path, seed=f"we seed {other.name} {tracker.url}")
    got = _exchange(payload, tracker, ours, other)
    record_property(SPEED, _row(ours, other, make, tracker, payload, got))


@everywhere
@with_strangers
@payloads
def test_they_seed_and_we_download(
    tmp_path: Path,
    tracker: Tracker,
    ours: Ours,
    other: Kind,
    make: Make,
    record_property: Record,
) -> None:
    payload = make(tmp_path, seed=f"{other.name} seeds {tracker.url}")
    got = _exchange(payload, tracker, other, ours)
    record_property(SPEED, _row(other, ours, make, tracker, payload, got))


@at_our_relay
@with_strangers
def test_an_info_dictionary_of_several_pieces_goes_both_ways(
    tmp_path: Path, tracker: Tracker, ours: Ours, other: Kind
) -> None:
    for number, (seeder, leecher) in enumerate([(ours, other), (other, ours)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        _exchange(crowd(folder, seed=f"{number} {tracker.url}"), tracker, seeder, leecher)


def _exchange(payload: Payload, tracker: Tracker, seeder: Kind, leecher: Kind) -> Got:
    seeding = seeder.seed(payload, tracker.url)
    assert "xt=urn:btih:" in seeding.magnet

    downloading = leecher.download(seeding.magnet, payload)
    try:
        got = downloading.done()
    except PeerFailed as failed:
        for end in (seeding, downloading):
            if isinstance(end, OurEnd):  # whose fault it may be
                failed.add_note(end.process.report())
        raise

    assert got.files == payload.files
    most = payload.total * MOST + OVERHEAD
    assert payload.total <= got.received <= most
    assert payload.total <= seeding.sent(payload.total) <= most
    mine, theirs = (seeding, leecher) if isinstance(seeding, OurEnd) else (downloading, seeder)
    assert isinstance(mine, OurEnd)
    assert mine.met() == {theirs.prefix}
    return got


def _row(
    seeder: Kind, leecher: Kind, make: Make, tracker: Tracker, payload: Payload, got: Got
) -> str:
    at = "relay" if tracker.relay else "bittorrent-tracker"
    speed = payload.total / MB / max(got.seconds, 0.001)
    pair = f"{seeder.name:>10} → {leecher.name:<10}"
    return f"{pair}  {SHAPES[make.__name__]:<12}  {at:<18} {speed:6.1f}"
