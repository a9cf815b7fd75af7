"""A good swarm for real: processes, command line, relay, tracker, WebRTC channels, disks, clock."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import Filesend, World, contents, digest, fill

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("transfers"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to end a seed with"),
]

SIZE = 10_000_000
LIMIT = 800_000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    world.start_relay()
    yield world
    world.close()
    assert world.leftovers() == []


def sent(process: Filesend) -> int:
    """Bytes of file data sent, when the process has ended."""
    return max((e["uploadedBytes"] for e in process.events if e["event"] == "upload"), default=0)


def swarm(world: World, receivers: int) -> tuple[Filesend, list[Filesend]]:
    """Let so many fetch from a limited seeder; return all of them, ended."""
    source = fill(world.folder / f"for{receivers}.bin", SIZE)
    seed = world.start("seed", source, "--json", "--upload-limit", "800k")
    magnet = seed.wait_for("seeding")["magnetURI"]
    outputs = [world.folder / f"{n}-of-{receivers}" for n in range(receivers)]
    downloads = [world.start("download", magnet, "--json", "-o", output) for output in outputs]
    for download, output in zip(downloads, outputs, strict=True):
        assert download.end() == 0, download.report()
        assert contents(output) == {source.name: digest(source)}
    seed.signal(signal.SIGINT)
    assert seed.end() == 130, seed.report()
    return seed, downloads


def test_five_fetch_most_of_it_from_each_other(world: World) -> None:
    """In figures that a busy machine leaves alone: it starts the five far apart from each other,
    and whoever has everything leaves. How near to the best it comes is test_good_swarm's.
    """
    seeder, (receiver,) = swarm(world, 1)
    assert sent(seeder) == SIZE
    took = float(receiver.wait_for("downloadComplete")["seconds"])
    assert took > 0.9 * SIZE / LIMIT, "the limit does not hold"

    seeder, receivers = swarm(world, 5)
    passed_on = sum(map(sent, receivers))
    assert sent(seeder) <= 2.5 * SIZE
    assert passed_on >= 2.5 * SIZE
    # Sent twice, or to somebody that had left.
    assert sent(seeder) + passed_on <= 1.05 * 5 * SIZE
