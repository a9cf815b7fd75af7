"""A stage on which real torrents meet scripted villains, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from filesend_tui.core.torrent.sources import create
from tests.hostile.stage import Stage
from tests.torrent.conftest import hub  # noqa: F401  # a fixture
from tests.torrent.lab import Hub


@pytest.fixture
def stage(hub: Hub, tmp_path: Path) -> Stage:  # noqa: F811
    return Stage(hub, tmp_path)


@pytest.fixture
def wide_stage(
    hub: Hub,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[int], Stage]:
    """Return a function that makes a stage whose pieces have so many blocks."""

    def make(blocks: int) -> Stage:
        monkeypatch.setattr(create, "MIN_PIECE", blocks * 16384)
        return Stage(hub, tmp_path, size=40 * blocks * 16384 + 100)

    return make


@pytest.fixture
def long_stage(hub: Hub, tmp_path: Path) -> Stage:  # noqa: F811
    """A stage whose torrent has a description of several pieces."""
    return Stage(hub, tmp_path, empty_files=500)
