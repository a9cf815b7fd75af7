"""A stage on which real torrents meet scripted villains, in virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile.stage import Stage
from tests.torrent.conftest import hub  # noqa: F401  # a fixture
from tests.torrent.lab import Hub


@pytest.fixture
def stage(hub: Hub, tmp_path: Path) -> Stage:  # noqa: F811
    return Stage(hub, tmp_path)
