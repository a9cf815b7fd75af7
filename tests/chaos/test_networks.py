"""Networks that go away and come back, addresses that change, roads that are lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.chance import Chance
from tests.chaos.figures import Figures
from tests.chaos.network import Country, why_none
from tests.chaos.stage import Recovery, Side, Stage
from tests.e2e.processes import digest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("chaos of surroundings"),
    pytest.mark.skipif(why_none() is not None, reason=why_none() or ""),
]

SIZE = 16_000_000
RATE = "3M"


@pytest.fixture
def country() -> Iterator[Country]:
    with Country() as country:
        yield country


@pytest.fixture
def stage(tmp_path: Path, country: Country) -> Iterator[Stage]:
    """A stage whose relay is between its people, who are at hosts of their own."""
    options = ("--host", Country.HUB, "--metrics-to", f"{Country.HUB}/32")
    stage = Stage(tmp_path, country.hub, *options)
    stage.start_relay()
    yield stage
    stage.close()
    assert stage.leftovers() == []


@pytest.fixture
def ann(stage: Stage, country: Country) -> Side:
    return stage.side("Ann", country.one, "--no-port-mapping", "--upload-limit", RATE)


@pytest.fixture
def bob(stage: Stage, country: Country) -> Side:
    return stage.side("Bob", country.other, "--no-port-mapping")


@pytest.mark.parametrize(
    "seconds", [5, *(pytest.param(s, marks=pytest.mark.long) for s in (30, 90))]
)
def test_the_cable_is_cut(
    stage: Stage,
    country: Country,
    ann: Side,
    bob: Side,
    chance: Chance,
    figures: Figures,
    seconds: float,
) -> None:
    path = chance.fill(stage.folder / "from" / "film.mkv", SIZE)
    output = stage.folder / "to"
    recovery = Recovery(bob, figures)
    stage.begin(ann, bob, path, output)
    recovery.wait(chance.uniform(0.05, 0.6) * SIZE)
    host = chance.choice([country.one, country.other])
    country.cut(host)
    time.sleep(seconds)
    country.mend(host)
    recovery.begin()
    recovery.recovered()
    stage.finish(ann, bob)
    figures.end(SIZE, country.carried())
    stage.all_well({output: {path.name: digest(path)}})


@pytest.mark.parametrize("who", ["sender", pytest.param("receiver", marks=pytest.mark.long)])
def test_the_address_changes(
    stage: Stage,
    country: Country,
    ann: Side,
    bob: Side,
    chance: Chance,
    figures: Figures,
    who: str,
) -> None:
    path = chance.fill(stage.folder / "from" / "film.mkv", SIZE)
    output = stage.folder / "to"
    recovery = Recovery(bob, figures)
    stage.begin(ann, bob, path, output)
    recovery.wait(chance.uniform(0.05, 0.6) * SIZE)
    country.move(country.one if who == "sender" else country.other, 3)
    recovery.begin()
    recovery.recovered()
    stage.finish(ann, bob)
    figures.end(SIZE, country.carried())
    stage.all_well({output: {path.name: digest(path)}})


def test_the_direct_road_is_lost_and_webrtc_taken(
    stage: Stage, country: Country, ann: Side, bob: Side, chance: Chance, figures: Figures
) -> None:
    path = chance.fill(stage.folder / "from" / "film.mkv", SIZE)
    output = stage.folder / "to"
    recovery = Recovery(bob, figures)
    stage.begin(ann, bob, path, output)
    recovery.wait(chance.uniform(0.05, 0.4) * SIZE)
    country.block_tcp()
    recovery.begin()
    recovery.recovered()
    stage.finish(ann, bob)
    assert bob.process.wait_for("downloadComplete")["road"] == "webrtc"
    figures.end(SIZE, country.carried())
    stage.all_well({output: {path.name: digest(path)}})
