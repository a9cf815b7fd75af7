"""Fixtures for torrents among engines."""

from __future__ import annotations

import pytest

from filesend_tui.core.torrent import torrent as torrent_module
from filesend_tui.core.torrent.lanes import lanes
from tests.torrent.lab import Hub, LabRendezvous


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    hub = Hub()
    monkeypatch.setattr(LabRendezvous, "hub", hub, raising=False)
    monkeypatch.setattr(torrent_module, "Rendezvous", LabRendezvous)
    monkeypatch.setattr(lanes, "MOST_OF_A_TORRENT", 0)  # channels of memory have none
    return hub
