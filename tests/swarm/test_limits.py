"""Rate limits between real engines, by a clock that does not depend on the machine."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.meeting.rendezvous import MetPeer
from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.connection import WireConnection
from filesend_tui.core.wire.shape import BLOCK
from tests import virtual_time
from tests.swarm.lines import LATENCY, Line, Wan, line
from tests.torrent.lab import TRACKERS, Node

SIZE = 4_000_000
PEER_ID = b"-XX0001-scripted----"


pytestmark = pytest.mark.usefixtures("wan")


def now() -> float:
    return asyncio.get_running_loop().time()


def node(folder: Path, upload: int | None = None, download: int | None = None) -> Node:
    return Node(ClientConfig(output=folder, upload_limit=upload, download_limit=download))


def make(path: Path, size: int = SIZE) -> Path:
    path.write_bytes(random.Random(path.name).randbytes(size))
    return path


async def fetch(receiver: Node, magnet: str, folder: Path) -> float:
    """Download; return the seconds it took."""
    began = now()
    torrent = await receiver.engine.add(magnet, folder=folder)
    await asyncio.wait_for(receiver.engine.wait_done(torrent), 1_000)
    return now() - began


async def seed(seeder: Node, path: Path) -> str:
    return seeder.engine.magnet(await seeder.engine.seed([path], trackers=TRACKERS))


@pytest.mark.parametrize("limit", [20_000, 200_000, 2_000_000])
@pytest.mark.parametrize("direction", ["upload", "download"])
def test_a_transfer_goes_as_fast_as_its_limit(tmp_path: Path, direction: str, limit: int) -> None:
    async def main() -> float:
        limited, free = node(tmp_path, **{direction: limit}), node(tmp_path)
        seeder, receiver = (limited, free) if direction == "upload" else (free, limited)
        async with seeder, receiver:
            magnet = await seed(seeder, make(tmp_path / "big.bin"))
            return await fetch(receiver, magnet, tmp_path / "out")

    assert virtual_time.run(main()) == pytest.approx(SIZE / limit, rel=0.1)


def test_an_upload_limit_is_shared_by_torrents_and_peers(tmp_path: Path) -> None:
    async def main() -> Sequence[float]:
        async with (
            node(tmp_path, upload=400_000) as seeder,
            node(tmp_path) as a,
            node(tmp_path) as b,
        ):
            one = await seed(seeder, make(tmp_path / "one.bin"))
            two = await seed(seeder, make(tmp_path / "two.bin"))
            return await asyncio.gather(
                fetch(a, one, tmp_path / "a"), fetch(b, two, tmp_path / "b")
            )

    assert list(virtual_time.run(main())) == [pytest.approx(2 * SIZE / 400_000, rel=0.1)] * 2


def test_a_download_limit_is_shared_by_torrents_and_peers(tmp_path: Path) -> None:
    async def main() -> Sequence[float]:
        async with (
            node(tmp_path) as a,
            node(tmp_path) as b,
            node(tmp_path) as c,
            node(tmp_path, download=400_000) as receiver,
        ):
            one = await seed(a, make(tmp_path / "one.bin"))
            assert await seed(b, tmp_path / "one.bin") == one  # two have it
            two = await seed(c, make(tmp_path / "two.bin"))
            return await asyncio.gather(
                fetch(receiver, one, tmp_path / "1"), fetch(receiver, two, tmp_path / "2")
            )

    first, second = sorted(virtual_time.run(main()))
    assert second == pytest.approx(2 * SIZE / 400_000, rel=0.1)
    assert first > SIZE / 400_000, "one torrent had the whole limit"


@pytest.mark.parametrize("direction", ["upload", "download"])
def test_a_limit_that_changes_counts_at_once(tmp_path: Path, direction: str) -> None:
    """Slower, then faster, in the midst of a transfer."""

    async def main() -> float:
        limited, free = node(tmp_path, **{direction: 1_000_000}), node(tmp_path)
        seeder, receiver = (limited, free) if direction == "upload" else (free, limited)
        none: dict[str, int | None] = {"upload": None, "download": None}
        async with seeder, receiver:
            magnet = await seed(seeder, make(tmp_path / "big.bin"))
            job = asyncio.create_task(fetch(receiver, magnet, tmp_path / "out"))
            await asyncio.sleep(1)
            limited.engine.limit(**{**none, direction: 10_000})
            await asyncio.sleep(100)
            assert not job.done()
            limited.engine.limit(**{**none, direction: 500_000})
            return await job

    # A quarter at first, a quarter in the slow time, and the half that is left in four seconds.
    assert virtual_time.run(main()) == pytest.approx(101 + 4, abs=3)


def test_what_will_not_come_does_not_count(tmp_path: Path) -> None:
    """A seeder leaves with everything asked of it unanswered; the next is asked at once."""

    async def main() -> float:
        async with (
            node(tmp_path, upload=4_000) as slow,
            node(tmp_path) as fast,
            node(tmp_path, download=100_000) as receiver,
        ):
            torrent = await slow.engine.seed([make(tmp_path / "big.bin")], trackers=TRACKERS)
            job = asyncio.create_task(
                fetch(receiver, slow.engine.magnet(torrent), tmp_path / "out")
            )
            await receiver.until(lambda: receiver.of(e.Download), 60)
            await slow.engine.remove(torrent)
            began = now()
            await seed(fast, tmp_path / "big.bin")
            await job
            return now() - began

    assert virtual_time.run(main()) == pytest.approx(SIZE / 100_000, rel=0.1)


def test_small_messages_do_not_wait_behind_limited_blocks(wan: Wan, tmp_path: Path) -> None:
    """A seeder of one block a second is asked for many; a cancel is answered at once."""

    async def main() -> tuple[int, float]:
        async with node(tmp_path, upload=BLOCK) as seeder:
            torrent = await seeder.engine.seed([make(tmp_path / "big.bin")], trackers=TRACKERS)
            info_hash = bytes.fromhex(torrent)
            ours, theirs = line("script", "seeder")
            (member,) = wan.members[info_hash]
            member._met.put_nowait(MetPeer(theirs))
            wire = WireConnection(info_hash=info_hash, peer_id=PEER_ID, reqq=250, client="script")
            wire.set_shape((await seeder.engine.wait_metadata(torrent)).shape)
            wire.open()
            await flush(ours, wire)
            blocks = 0
            while True:
                for event in wire.receive_data(await ours.receive()):
                    if isinstance(event, m.Unchoke):
                        for n in range(8):
                            wire.send(m.Request(n, 0, BLOCK))
                    elif isinstance(event, m.Piece):
                        blocks += 1
                        if blocks == 2:
                            asked = now()
                            wire.send(m.Cancel(7, 0, BLOCK))
                    elif isinstance(event, m.RejectRequest):
                        return blocks, now() - asked
                if wire.handshake_done and not wire.am_interested:
                    wire.send(m.Interested())
                await flush(ours, wire)

    blocks, answered = virtual_time.run(main())
    assert blocks == 2
    assert answered == pytest.approx(2 * LATENCY, abs=0.001)


async def flush(channel: Line, wire: WireConnection) -> None:
    for chunk in wire.data_to_send():
        await channel.send(chunk)
