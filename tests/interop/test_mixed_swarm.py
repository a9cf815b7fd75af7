"""One swarm of every kind of peer at our tracker: two of ours, Chromium and libtorrent."""

from __future__ import annotations

from pathlib import Path

from tests.interop.kinds import Chromium, Libtorrent, Ours
from tests.interop.payloads import single
from tests.interop.trackers import Tracker


def test_every_kind_of_peer_in_one_swarm(
    tmp_path: Path, tracker: Tracker, ours: Ours, chromium: Chromium, libtorrent: Libtorrent
) -> None:
    payload = single(tmp_path, seed="mixed")
    seeding = ours.seed(payload, tracker.url)

    strangers = [kind.download(seeding.magnet, payload) for kind in (chromium, libtorrent)]
    mine = ours.download(seeding.magnet, payload)

    for download in (*strangers, mine):
        got = download.done()
        assert got.files == payload.files
        assert got.received >= payload.total
    everybody = {ours.prefix, chromium.prefix, libtorrent.prefix}
    assert seeding.met() == everybody
    assert mine.met() == everybody
    # Three copies arrived, and the seeder did not send them all: they served one another.
    assert payload.total <= seeding.sent(payload.total) < 3 * payload.total
