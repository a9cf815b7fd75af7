"""Two clients whose relay dies: what is under way goes on, over the channels of the transfer.

The relay, the disks and the channels are real.
"""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.config import RoadChoice
from filesend_tui.core.events import TransferPhase
from tests.conftest import RunningRelay, running_relay
from tests.core.test_client import BIG, SLOW, Person, pair, yes
from tests.torrent.lab import read_tree, write_tree

pytestmark = pytest.mark.webrtc

ROADS = pytest.mark.parametrize("road", [RoadChoice.DIRECT, RoadChoice.WEBRTC])


async def runs(person: Person) -> None:
    await person.until(lambda: [d for d in person.of(e.Download) if d.downloaded_bytes])


@ROADS
async def test_a_transfer_finishes_without_a_relay(
    relay: RunningRelay, tmp_path: Path, road: RoadChoice
) -> None:
    write_tree(tmp_path, {"src/big.bin": BIG})
    async with pair(relay, tmp_path, upload_limit=SLOW, road=road) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src/big.bin"])
        await yes(bob)
        await runs(bob)
        await asyncio.to_thread(relay.stop)
        for person in (ann, bob):
            await person.until(partial(person.of, e.RelayAway))
        await ann.client.say("the relay is gone")
        await bob.until(lambda: bob.of(e.Message, text="the relay is gone"))
        for person in (ann, bob):
            assert await person.ended(transfer) is TransferPhase.DONE
        assert ann.of(e.TorrentDone)
        for person in (ann, bob):
            assert not person.of(e.Error) + person.of(e.PartnerGone)
            # Once the transfer is over, nothing connects the two.
            assert await person.until(partial(person.of, e.PartnerAway))
    assert read_tree(tmp_path / "bob") == {"big.bin": BIG}


async def test_new_requests_pass_while_any_channel_is_up(
    relay: RunningRelay, tmp_path: Path
) -> None:
    """By the invitation in the yes they even find each other for the next one."""
    write_tree(tmp_path, {"src/big.bin": BIG, "src/small.bin": b"x" * 5000, "back.bin": b"y" * 99})
    async with pair(relay, tmp_path, upload_limit=SLOW, road=RoadChoice.DIRECT) as (ann, bob):
        first = await ann.client.request([tmp_path / "src/big.bin"])
        await yes(bob)
        await runs(bob)
        await asyncio.to_thread(relay.stop)
        await bob.until(lambda: bob.of(e.RelayAway))
        second = await ann.client.request([tmp_path / "src/small.bin"])
        third = await bob.client.request([tmp_path / "back.bin"])
        await yes(bob, 2)
        await yes(ann)
        for transfer in (second, third, first):
            for person in (ann, bob):
                assert await person.ended(transfer) is TransferPhase.DONE
    assert read_tree(tmp_path / "bob") == {"big.bin": BIG, "small.bin": b"x" * 5000}
    assert read_tree(tmp_path / "ann") == {"back.bin": b"y" * 99}


async def test_new_requests_pass_when_the_relay_of_both_has_vanished_and_another_is_there(
    relay: RunningRelay, tmp_path: Path
) -> None:
    """With nothing under way: the session, what is announced and the roads move to the other."""
    write_tree(tmp_path, {"src/photo.bin": BIG, "back.bin": b"y" * 99})
    with running_relay() as other:
        async with pair(relay, tmp_path, road=RoadChoice.WEBRTC) as (ann, bob):
            for person in (ann, bob):
                await person.client.connect(other.url)
            await asyncio.to_thread(relay.stop)
            for person in (ann, bob):
                await person.until(partial(person.of, e.PartnerBack))
            there = await ann.client.request([tmp_path / "src/photo.bin"])
            back = await bob.client.request([tmp_path / "back.bin"])
            await yes(bob)
            await yes(ann)
            for transfer in (there, back):
                for person in (ann, bob):
                    assert await person.ended(transfer) is TransferPhase.DONE
            for person in (ann, bob):
                assert not person.of(e.Error) + person.of(e.PartnerGone)
    assert read_tree(tmp_path / "bob") == {"photo.bin": BIG}
    assert read_tree(tmp_path / "ann") == {"back.bin": b"y" * 99}


async def test_a_relay_that_dies_when_the_torrent_is_ready(
    relay: RunningRelay, tmp_path: Path
) -> None:
    write_tree(tmp_path, {"src/big.bin": BIG})
    async with pair(relay, tmp_path, road=RoadChoice.DIRECT) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src/big.bin"])
        await yes(bob)
        await bob.until(lambda: bob.of(e.AddTorrent))
        await asyncio.to_thread(relay.stop)
        for person in (ann, bob):
            assert await person.ended(transfer) is TransferPhase.DONE
        assert ann.of(e.TorrentDone)
    assert read_tree(tmp_path / "bob") == {"big.bin": BIG}


async def test_what_is_cancelled_without_a_relay_is_cancelled_on_both_sides(
    relay: RunningRelay, tmp_path: Path
) -> None:
    write_tree(tmp_path, {"src/big.bin": BIG})
    async with pair(relay, tmp_path, upload_limit=SLOW, road=RoadChoice.DIRECT) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src/big.bin"])
        await yes(bob)
        await runs(bob)
        await asyncio.to_thread(relay.stop)
        await bob.until(lambda: bob.of(e.RelayAway))
        await bob.client.cancel(transfer)
        for person in (ann, bob):
            assert await person.ended(transfer) is TransferPhase.CANCELLED
        await bob.until(lambda: bob.of(e.TorrentDestroyed))
    assert list((tmp_path / "bob").iterdir()) == []


async def test_only_the_session_of_a_transfer_takes_its_channels(
    relay: RunningRelay, tmp_path: Path
) -> None:
    """An open swarm offers no words; see tests/wire for who does not take them."""
    write_tree(tmp_path, {"src/big.bin": BIG})
    async with pair(relay, tmp_path, road=RoadChoice.WEBRTC) as (ann, bob):
        torrent = await ann.client.seed([tmp_path / "src/big.bin"], trackers=[relay.tracker])
        link = ann.client._engine.magnet(torrent)
        await bob.client.add(link)
        await bob.until(lambda: bob.of(e.DownloadComplete))
        for person in (ann, bob):
            (partner,) = person.client._sessions._partners.values()
            assert not partner.session.channels
