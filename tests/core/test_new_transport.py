"""A transport that the product does not have carries a paired transfer, once it is registered.

Two real clients and a real relay; of the transports, one more than there are: a pipe in memory.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.events import TransferPhase
from filesend_tui.core.transports import registry
from tests.conftest import RunningRelay
from tests.core.test_client import ALBUM, Person, pair, yes
from tests.torrent.lab import read_tree, write_tree
from tests.transports.pipe import PipeAttempt, PipeTransport

pytestmark = pytest.mark.webrtc

PIPE_FIRST = {"pipe": PipeTransport, **registry.KINDS}
PIPE_LAST = {**registry.KINDS, "pipe": PipeTransport}


async def send_the_album(ann: Person, bob: Person, source: Path) -> str:
    """Let the album go over; return the road that it took."""
    transfer = await ann.client.request([source])
    await yes(bob)
    assert await bob.ended(transfer) is TransferPhase.DONE
    assert await ann.ended(transfer) is TransferPhase.DONE
    (complete,) = bob.of(e.DownloadComplete)
    for person in (ann, bob):
        assert {met.road for met in person.of(e.PeerConnected)} == {complete.road}
    return complete.road


@pytest.mark.parametrize(
    ("kinds", "road"),
    [(PIPE_FIRST, "auto"), (PIPE_LAST, "pipe")],
    ids=["preferred", "forced by its name"],
)
async def test_a_transport_that_is_registered_carries_a_paired_transfer(
    relay: RunningRelay,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kinds: dict[str, object],
    road: str,
) -> None:
    monkeypatch.setattr(registry, "KINDS", kinds)
    write_tree(tmp_path / "src", ALBUM)
    async with pair(relay, tmp_path, road=road) as (ann, bob):
        assert await send_the_album(ann, bob, tmp_path / "src/album") == "pipe"
        pipes = [
            each
            for person in (ann, bob)
            for each in person.client._engine._transports.usable(private=True, proxied=False)
            if isinstance(each, PipeTransport)
        ]
        assert [pipe.warmed for pipe in pipes] == [True, True], "as the client connects"
    assert [pipe.closed for pipe in pipes] == [True, True], "with the client"
    assert not PipeAttempt._offers
    assert not PipeAttempt._answers
    assert read_tree(tmp_path / "bob") == ALBUM


@pytest.mark.parametrize("newer", ["sender", "receiver"])
async def test_a_partner_who_does_not_know_it_takes_what_both_have(
    relay: RunningRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newer: str
) -> None:
    """As a newer program does beside an older one."""
    write_tree(tmp_path / "src", ALBUM)
    people = []
    for name in ("sender", "receiver"):
        with monkeypatch.context() as patch:
            if name == newer:
                patch.setattr(registry, "KINDS", PIPE_FIRST)
            people.append(Person(name, tmp_path / name))
    sender, receiver = people
    try:
        await asyncio.gather(*(person.client.connect(relay.url) for person in people))
        await receiver.client.join(await sender.client.create_code())
        await sender.until(lambda: sender.of(e.Paired))
        assert await send_the_album(sender, receiver, tmp_path / "src/album") == "direct"
    finally:
        await asyncio.gather(*(person.close() for person in people))
    assert read_tree(tmp_path / "receiver") == ALBUM


async def test_strangers_are_met_by_webtorrents_transport_alone(
    relay: RunningRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "KINDS", PIPE_FIRST)
    write_tree(tmp_path / "src", ALBUM)
    seeder, receiver = Person("seeder", tmp_path / "s"), Person("receiver", tmp_path / "r")
    try:
        await seeder.client.seed([tmp_path / "src/album"], trackers=[relay.tracker])
        (seeding,) = await seeder.until(lambda: seeder.of(e.Seeding))
        await receiver.client.add(seeding.magnet_uri)
        (complete,) = await receiver.until(lambda: receiver.of(e.DownloadComplete))
        assert complete.road == "webrtc"
    finally:
        await asyncio.gather(seeder.close(), receiver.close())
