"""A wide network, and crowds on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from filesend_tui.core.torrent import torrent as torrent_module
from tests.swarm.crowd import Crowd
from tests.swarm.lines import Wan
from tests.torrent.lab import LabRendezvous


@pytest.fixture
def wan(monkeypatch: pytest.MonkeyPatch) -> Wan:
    wan = Wan()
    monkeypatch.setattr(LabRendezvous, "hub", wan, raising=False)
    monkeypatch.setattr(torrent_module, "Rendezvous", LabRendezvous)
    return wan


@pytest.fixture
def crowd(wan: Wan, tmp_path: Path) -> Callable[[int], Crowd]:
    return lambda size: Crowd(wan, tmp_path, size)
