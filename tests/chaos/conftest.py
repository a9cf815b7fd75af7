"""A stage for each test, its chance, and its figures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.chance import SEED, Chance
from tests.chaos.figures import Figures
from tests.chaos.network import Host, why_none
from tests.chaos.stage import Stage


def pytest_report_header() -> str:
    return f"chaos: CHAOS_SEED={SEED}"


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> Chance:
    print(f"CHAOS_SEED={SEED}")
    return Chance(request.node.name)


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Iterator[Figures]:
    """The figures of this test, kept where it is in its long form and passed."""
    test = request.node.originalname.removeprefix("test_").replace("_", " ")
    figures = Figures(what=test[0].upper() + test[1:])
    yield figures
    print(figures.row())
    if request.node.get_closest_marker("long") and request.node.stash[PASSED]:
        figures.keep(request.node.name)


PASSED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    item.stash[PASSED] = False
    yield
    item.stash[PASSED] = True


@pytest.fixture
def lone_host() -> Iterator[Host | None]:
    """A network for one test, so that what it carries can be counted; None where there is none."""
    if why_none():
        yield None
    else:
        with Host() as host:
            yield host


@pytest.fixture
def stage(tmp_path: Path, lone_host: Host | None) -> Iterator[Stage]:
    stage = Stage(tmp_path, lone_host)
    stage.start_relay()
    yield stage
    stage.close()
    assert stage.leftovers() == []
