"""Fixtures for torrents among engines."""

from __future__ import annotations

import pytest

from filesend_tui.core.torrent import torrent as torrent_module
from tests.torrent.lab import Hub, LabRendezvous


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    hub = Hub()
    monkeypatch.setattr(LabRendezvous, "hub", hub, raising=False)
    monkeypatch.setattr(torrent_module, "Rendezvous", LabRendezvous)
    return hub
