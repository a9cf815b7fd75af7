"""The page's TypeScript, compiled, and a person who runs it in node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import RunningRelay
from tests.e2e.processes import World
from tests.interop import deps
from tests.interop.line_process import LineProcess
from tests.web.browser import Browser

HERE = Path(__file__).parent
#: Seconds for anything to happen: for a machine that is busy with other tests.
TIMEOUT = 120.0

Person = Callable[[str], LineProcess]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Compiled once, so in one process; and not among the quick ones."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.xdist_group("web"))


@pytest.fixture(scope="session")
def build() -> Path:
    """The folder with what web/ was compiled to."""
    try:
        deps.ensure_web()
    except deps.Missing as missing:
        pytest.fail(str(missing), pytrace=False)
    return deps.WEB / "build"


@pytest.fixture
def browser(build: Path, tmp_path: Path) -> Iterator[Browser]:
    """Somebody with a real Chromium; at the end its page has complained of nothing."""
    try:
        program = deps.ensure(system=False)
    except deps.Missing as missing:
        pytest.fail(str(missing), pytrace=False)
    browser = Browser(program, tmp_path / "browser")
    yield browser
    assert browser.complaints() == [], browser.process.report()
    browser.close()


@pytest.fixture
def firefox(build: Path, tmp_path: Path) -> Iterator[Browser]:
    """Somebody with a real Firefox, likewise."""
    try:
        deps.ensure(system=False)
        program = deps.ensure_firefox(system=False)
    except deps.Missing as missing:
        pytest.fail(str(missing), pytrace=False)
    browser = Browser(program, tmp_path / "firefox", "web_firefox.mjs")
    yield browser
    assert browser.complaints() == [], browser.process.report()
    browser.close()


@pytest.fixture
def world(tmp_path: Path, relay: RunningRelay) -> Iterator[World]:
    """A world whose people all use one relay."""
    world = World(tmp_path)
    world.environment["FILESEND_RELAY"] = relay.url
    yield world
    world.close()
    assert world.leftovers() == []
    for process in world.processes:
        assert process.complaints() == [], process.report()


@pytest.fixture
def person(build: Path, relay: RunningRelay, tmp_path: Path) -> Iterator[Person]:
    """Starts somebody, by name, who has the page's code and is connected to the relay."""
    with ExitStack() as started:

        def start(name: str) -> LineProcess:
            argv: list[str | Path] = ["node", build / "test" / "person.js", relay.url]
            process = LineProcess(name, argv, log=tmp_path / f"{name}.log")
            started.callback(process.close)
            process.wait("ready", TIMEOUT)
            return process

        yield start
