"""Two clients, of which one side's disk hangs: each is told what is waited for, and it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.events import TransferPhase
from filesend_tui.core.exchange import patience, transfers
from filesend_tui.core.exchange.patience import WAITS
from filesend_tui.core.torrent import torrent
from filesend_tui.core.torrent.sources.seed_files import SeedFiles
from filesend_tui.core.torrent.storage.download_files import DownloadFiles
from filesend_tui.core.torrent.storage.piece_store import PieceStore
from tests.conftest import RunningRelay
from tests.core.test_client import ALBUM, Person, pair, yes
from tests.torrent.lab import read_tree, write_tree
from tests.torrent.test_standing import Gate

pytestmark = pytest.mark.webrtc


def what(person: Person) -> list[str]:
    return [event.what for event in person.of(e.Waiting)]


@pytest.mark.parametrize(
    ("store", "method", "sender", "receiver"),
    [
        (SeedFiles, "read_into", "ownSending", "sending"),
        (DownloadFiles, "finish", "taking", "ownFiles"),
    ],
)
async def test_a_disk_that_hangs_is_told_at_both_sides(
    relay: RunningRelay,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    store: type[PieceStore],
    method: str,
    sender: str,
    receiver: str,
) -> None:
    """At once, where everything is told at once."""
    soon = {key: wait._replace(tells=0.2) for key, wait in WAITS.items()}
    monkeypatch.setattr(patience, "WAITS", soon)
    monkeypatch.setattr(transfers, "BEAT", 0.05)
    monkeypatch.setattr(torrent, "SLOW_READ", 0.1)
    gate = Gate(store, method, monkeypatch)
    write_tree(tmp_path / "from", ALBUM)
    async with pair(relay, tmp_path) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "from" / "album"])
        await yes(bob)
        await ann.until(_is_told(ann, sender))
        await bob.until(_is_told(bob, receiver))
        gate.open.set()
        ended = await asyncio.gather(ann.ended(transfer), bob.ended(transfer))
        assert ended == [TransferPhase.DONE] * 2
        assert read_tree(bob.output) == ALBUM


def _is_told(person: Person, name: str) -> Callable[[], bool]:
    return lambda: name in what(person)
