"""Each tracker that people may meet at, and people there."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from filesend_tui.core.tracker_place.timings import DEFAULT, Timings
from tests.conftest import running_relay
from tests.interop import deps
from tests.interop.trackers import npm_tracker
from tests.tracker_place.people import Person

NewPerson = Callable[..., Awaitable[Person]]


@pytest.fixture(
    params=["relay", pytest.param("bittorrent-tracker", marks=pytest.mark.slow)],
)
def tracker_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a tracker that runs: our relay's, and that of npm."""
    if request.param == "relay":
        with running_relay() as relay:
            yield relay.tracker
        return
    try:
        if shutil.which("node") is None or not deps.MODULES.exists():
            deps.ensure(system=False)
    except deps.Missing as missing:
        pytest.fail(str(missing), pytrace=False)
    with npm_tracker(tmp_path) as tracker:
        yield tracker.url


@pytest.fixture
async def new_person(tracker_url: str) -> AsyncIterator[NewPerson]:
    """Return a maker of people who are connected; all leave at the end."""
    made: list[Person] = []

    async def make(timings: Timings = DEFAULT) -> Person:
        person = Person(timings)
        made.append(person)
        await person.connect(tracker_url)
        return person

    yield make
    for person in made:
        await person.close()
