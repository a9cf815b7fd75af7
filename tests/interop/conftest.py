"""The peers and trackers of the matrix, and the table of speeds at the end of a run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.interop import deps
from tests.interop.kinds import Chromium, Kind, Libtorrent, Ours
from tests.interop.trackers import TRACKERS, Tracker

HERE = Path(__file__).parent
#: Recorded by a test as the speed of one pair: a row of the table.
SPEED = "interop speed"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each of these keeps two cores busy: one at a time, and not among the quick ones."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.xdist_group("interop"))


@pytest.fixture(scope="session")
def browser() -> Path:
    """Chromium, with node and the npm modules beside it, installed where they were missing."""
    try:
        return deps.ensure(system=False)
    except deps.Missing as missing:
        pytest.fail(str(missing), pytrace=False)


@pytest.fixture(scope="session")
def running_chromium(browser: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    chromium = Chromium(browser, tmp_path_factory.mktemp("chromium"))
    yield chromium
    chromium.close()


@pytest.fixture
def processes() -> Iterator[ExitStack]:
    """Ends every process that was started, the last first, even where one fails to end."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def tracker(request: pytest.FixtureRequest, tmp_path: Path, browser: Path) -> Iterator[Tracker]:
    """The tracker that the test is parametrized with; the relay's where it is not."""
    with TRACKERS[getattr(request, "param", "relay")](tmp_path) as running:
        yield running


@pytest.fixture
def chromium(running_chromium: Chromium) -> Iterator[Chromium]:
    yield running_chromium
    running_chromium.close_pages()


@pytest.fixture
def ours(request: pytest.FixtureRequest, tmp_path: Path, processes: ExitStack) -> Ours:
    """FileSend with the WebRTC stack that the test is parametrized with, or its own choice."""
    return Ours(tmp_path, processes, webrtc=getattr(request, "param", "auto"))


@pytest.fixture
def libtorrent(tmp_path: Path, processes: ExitStack) -> Libtorrent:
    if sys.version_info >= (3, 14):
        pytest.skip("libtorrent has no wheel for this Python yet")
    return Libtorrent(tmp_path, processes)


@pytest.fixture
def other(request: pytest.FixtureRequest) -> Kind:
    """The real peer that the test is parametrized with."""
    kind = request.getfixturevalue(request.param)
    assert isinstance(kind, Kind)
    return kind


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how fast each pair was."""
    rows = [
        str(value)
        for report in terminalreporter.getreports("passed")
        for name, value in getattr(report, "user_properties", ())
        if name == SPEED
    ]
    if rows:
        terminalreporter.section("interop: MB/s")
        for row in sorted(rows):
            terminalreporter.line(row)
