"""Chromium as people have it: it shows no address of its own, and still we meet."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from filesend_tui.core.transports.webrtc.remote_sdp import vet
from tests.interop.island import island
from tests.interop.kinds import Chromium, Ours
from tests.interop.payloads import MB, single
from tests.interop.trackers import our_tracker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux's")


@pytest.fixture
def inside(tmp_path: Path) -> Iterator[Sequence[str]]:
    with island(tmp_path) as enter:
        yield enter


@pytest.mark.parametrize("they_seed", [True, False])
def test_a_browser_behind_mdns_names(
    tmp_path: Path, browser: Path, inside: Sequence[str], processes: ExitStack, they_seed: bool
) -> None:
    chromium = Chromium(browser, tmp_path, as_shipped=True, inside=inside)
    processes.callback(chromium.close)
    ours = Ours(tmp_path, processes, inside=inside)
    tracker = processes.enter_context(our_tracker(tmp_path, inside))
    payload = single(tmp_path, seed="as shipped", size=2 * MB)
    seeder, leecher = (chromium, ours) if they_seed else (ours, chromium)

    remote = vet(chromium.page().describe()["sdp"], "offer")
    assert remote.candidates
    assert all(candidate.is_mdns for candidate in remote.candidates)
    seeding = seeder.seed(payload, tracker.url)
    got = leecher.download(seeding.magnet, payload).done()

    assert got.files == payload.files
    assert got.received >= payload.total
