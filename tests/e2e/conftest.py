"""A world with a relay for each test, and the proof that nothing of it is left behind."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import World


@pytest.fixture(scope="session", autouse=True)
def hangups_count() -> Iterator[None]:
    """Let processes hear a hangup even where the tests run under nohup, which is inherited."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL) if hasattr(signal, "SIGHUP") else None
    yield
    if before is not None:
        signal.signal(signal.SIGHUP, before)


@pytest.fixture
def lonely_world(tmp_path: Path) -> Iterator[World]:
    """A world whose people name no relay."""
    world = World(tmp_path)
    yield world
    world.close()
    assert world.leftovers() == []
    for process in world.processes:
        assert process.complaints() == [], process.report()


@pytest.fixture
def world(lonely_world: World) -> World:
    lonely_world.start_relay()
    return lonely_world
