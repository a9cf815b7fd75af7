"""The page's TypeScript, compiled, and a person who runs it in node."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
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


@contextmanager
def browsing(
    folder: Path,
    find: Callable[..., Path] = deps.ensure,
    driver: str = "web_page.mjs",
    inside: Sequence[str] = (),
    forgiving: str | None = None,
) -> Iterator[Browser]:
    """Run a browser, whose page has complained of nothing at the end, but for what is forgiven."""
    try:
        deps.ensure(system=False)
        program = find(system=False)
    except deps.Missing as missing:
        pytest.fail(str(missing), pytrace=False)
    browser = Browser(program, folder, driver, inside)
    if forgiving is not None:
        browser.forgive(forgiving)
    yield browser
    assert browser.complaints() == [], browser.process.report()
    browser.close()


@pytest.fixture
def browser(build: Path, tmp_path: Path) -> Iterator[Browser]:
    """Somebody with a real Chromium."""
    with browsing(tmp_path / "browser") as browser:
        yield browser


@pytest.fixture
def firefox(build: Path, tmp_path: Path) -> Iterator[Browser]:
    """Somebody with a real Firefox."""
    with browsing(tmp_path / "firefox", deps.ensure_firefox, "web_firefox.mjs") as browser:
        yield browser


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
