"""One sender and several receivers: a real relay, one private swarm, a yes or no of each."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.config import RoadChoice
from filesend_tui.core.events import SessionId, TransferPhase
from tests.conftest import RunningRelay, running_relay
from tests.core.test_client import Person, yes
from tests.torrent.lab import read_tree, write_tree
from tests.waiting import until

DATA = random.Random(5).randbytes(6_000_000)
#: Bytes a second by which what leaves the sender takes seconds.
CAP = 3_000_000


class Party:
    """A sender, and those whom they are paired with."""

    def __init__(self, sender: Person, others: list[Person], sessions: list[SessionId]) -> None:
        self.sender, self.others, self.sessions = sender, others, sessions

    async def ask(self, path: Path) -> list[str]:
        group = self.sender.client.new_group(len(self.others))
        return [
            await self.sender.client.request([path], to=session, group=group)
            for session in self.sessions
        ]


@asynccontextmanager
async def party(
    relay: RunningRelay, tmp_path: Path, names: str, **config: Any
) -> AsyncIterator[Party]:
    ann = Person("Ann", tmp_path / "ann", road=RoadChoice.DIRECT, **config)
    others = [Person(name, tmp_path / name, road=RoadChoice.DIRECT) for name in names.split()]
    try:
        await asyncio.gather(*(each.client.connect(relay.url) for each in (ann, *others)))
        sessions = []
        for each in others:
            code = await ann.client.create_code()
            await each.client.join(code)
            (met,) = await ann.until(partial(ann.of, e.Paired, partner=each.name))
            sessions.append(met.session)
        yield Party(ann, others, sessions)
    finally:
        await asyncio.gather(*(each.close() for each in (ann, *others)))


async def freed(person: Person) -> None:
    """Wait until nothing is served any more."""
    engine = person.client._engine
    await until(lambda: not (engine._torrents or engine._groups))


def met(person: Person, peers: int) -> bool:
    return len(person.of(e.PeerConnected)) >= peers


def sent_by(person: Person) -> int:
    """Return how many bytes of data left a person's side, over all connections."""
    return max((event.uploaded_bytes for event in person.of(e.Upload)), default=0)


async def test_several_receive_one_torrent_and_feed_each_other(
    relay: RunningRelay, tmp_path: Path
) -> None:
    write_tree(tmp_path / "src", {"film.bin": DATA})
    async with party(relay, tmp_path, "Bob Cid Dan", upload_limit=CAP) as people:
        ann = people.sender
        transfers = await people.ask(tmp_path / "src/film.bin")
        asked = [await each.asked() for each in people.others]
        assert [each.others for each in asked] == [2, 2, 2]
        for each, transfer in zip(people.others, transfers, strict=True):
            await yes(each)
            await ann.until(partial(ann.of, e.FileReady, transfer=transfer))
            await ann.client.pause(transfer)
        for each in people.others:  # who would come later would find the first ones done
            await each.until(partial(met, each, 3))
        for transfer in transfers:
            await ann.client.go_on(transfer)
        for each, transfer in zip(people.others, transfers, strict=True):
            assert await each.ended(transfer) is TransferPhase.DONE
            assert await ann.ended(transfer) is TransferPhase.DONE
            assert read_tree(each.output) == read_tree(tmp_path / "src")
        # One torrent, of which each transfer has its own events.
        seeding = ann.of(e.Seeding)
        assert len({event.torrent for event in seeding}) == 1
        for transfer in transfers:
            await ann.until(partial(ann.of, e.TorrentDestroyed, transfer=transfer))
            assert ann.of(e.ProgressUpdate, transfer=transfer)
        await ann.until(lambda: sent_by(ann) >= len(DATA))
        assert sent_by(ann) <= 2 * len(DATA)  # of three; benchmarks/ measures how much less


async def test_each_decides_alone_and_the_last_one_frees_it(
    relay: RunningRelay, tmp_path: Path
) -> None:
    write_tree(tmp_path / "src", {"film.bin": DATA})
    async with party(relay, tmp_path, "Bob Cid Dan", upload_limit=CAP) as people:
        ann, (bob, cid, dan) = people.sender, people.others
        to_bob, to_cid, to_dan = await people.ask(tmp_path / "src/film.bin")
        request = await bob.asked()
        await bob.client.answer(request.transfer, [False], reason="no")
        await yes(cid)
        await cid.until(lambda: cid.of(e.DownloadStarted))
        await ann.client.cancel(to_cid)
        assert await cid.ended(to_cid) is TransferPhase.CANCELLED
        await yes(dan)
        assert await dan.ended(to_dan) is TransferPhase.DONE
        assert await ann.ended(to_dan) is TransferPhase.DONE
        assert await ann.ended(to_bob) is TransferPhase.DECLINED
        assert read_tree(dan.output) == read_tree(tmp_path / "src")
        assert not any(cid.output.rglob("*.bin"))
        await ann.until(lambda: ann.of(e.TorrentDestroyed, transfer=to_dan))
        await freed(ann)


async def test_who_comes_after_the_last_has_left_is_served_without_hashing_again(
    relay: RunningRelay, tmp_path: Path
) -> None:
    write_tree(tmp_path / "src", {"film.bin": DATA})
    async with party(relay, tmp_path, "Bob Cid") as people:
        ann, film = people.sender, tmp_path / "src/film.bin"
        group = ann.client.new_group(2)
        hashed = []
        for each, session in zip(people.others, people.sessions, strict=True):
            transfer = await ann.client.request([film], to=session, group=group)
            await yes(each)
            assert await each.ended(transfer) is TransferPhase.DONE
            assert await ann.ended(transfer) is TransferPhase.DONE
            await ann.until(partial(ann.of, e.TorrentDestroyed, transfer=transfer))
            await freed(ann)
            hashed.append(len(ann.of(e.Hashing, progress=1.0)))
        assert hashed[0] == hashed[1] > 0
        assert len({event.torrent for event in ann.of(e.Seeding)}) == 1


async def test_each_is_recorded_with_the_key_of_all_from_the_beginning(
    relay: RunningRelay, tmp_path: Path
) -> None:
    """Whoever of them a later process takes up first, the others' swarm is the same."""
    write_tree(tmp_path / "src", {"film.bin": DATA})
    async with party(relay, tmp_path, "Bob Cid") as people:
        transfers = await people.ask(tmp_path / "src/film.bin")
        manager = people.sender.client._transfers
        (group,) = manager._groups.values()
        for transfer, session in zip(transfers, people.sessions, strict=True):
            facts = manager._open[session]._runs[transfer].facts
            assert facts.phase is TransferPhase.ASKED
            assert facts.swarm_key == group.swarm_key


async def test_one_who_pauses_holds_nobody_up(relay: RunningRelay, tmp_path: Path) -> None:
    write_tree(tmp_path / "src", {"film.bin": DATA})
    async with party(relay, tmp_path, "Bob Cid", upload_limit=CAP) as people:
        ann, (bob, cid) = people.sender, people.others
        to_bob, to_cid = await people.ask(tmp_path / "src/film.bin")
        await yes(bob)
        await bob.until(lambda: bob.of(e.DownloadStarted))
        await bob.client.pause(to_bob)
        await ann.until(lambda: ann.of(e.TransferPaused, transfer=to_bob))
        await yes(cid)
        assert await cid.ended(to_cid) is TransferPhase.DONE
        await bob.client.go_on(to_bob)
        assert await bob.ended(to_bob) is TransferPhase.DONE
        assert await ann.ended(to_bob) is TransferPhase.DONE


async def test_with_the_relay_gone_all_end_well(tmp_path: Path) -> None:
    """Each receiver's last words take its own connection to the sender, not one to another."""
    write_tree(tmp_path / "src", {"film.bin": DATA})
    with running_relay() as relay:
        async with party(relay, tmp_path, "Bob Cid", upload_limit=CAP) as people:
            ann = people.sender
            transfers = await people.ask(tmp_path / "src/film.bin")
            for each in people.others:
                await yes(each)
            for each in people.others:
                await each.until(partial(each.of, e.Download))
            await asyncio.to_thread(relay.stop)
            for each, transfer in zip(people.others, transfers, strict=True):
                assert await each.ended(transfer) is TransferPhase.DONE
                assert await ann.ended(transfer) is TransferPhase.DONE


async def test_a_group_has_bounds(relay: RunningRelay, tmp_path: Path) -> None:
    ann = Person("Ann", tmp_path / "ann")
    try:
        for size in (0, 1, 65):
            with pytest.raises(ValueError, match="2 to 64"):
                ann.client.new_group(size)
    finally:
        await ann.close()
