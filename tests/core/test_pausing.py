"""Transfers that are paused: no byte goes, nothing is lost, and each side knows who did it.

The relay, the disks, the channels and the journals are real.
"""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.config import RoadChoice
from filesend_tui.core.errors import FileSendError
from filesend_tui.core.events import PausedBy, TransferPhase
from filesend_tui.core.torrent import torrent as torrent_module
from tests.conftest import RunningRelay
from tests.core.test_client import BIG, SLOW, Person, pair, yes
from tests.core.test_going_on import Lasting, meet, under_way
from tests.torrent.lab import read_tree, write_tree

pytestmark = pytest.mark.webrtc

ROADS = pytest.mark.parametrize("road", [RoadChoice.DIRECT, RoadChoice.WEBRTC, RoadChoice.RELAYED])
#: Seconds of the swarm's own clock, one event each, in which nothing may move.
QUIET = 2


async def runs(person: Person) -> None:
    await person.until(lambda: [d for d in person.of(e.Download) if d.downloaded_bytes > 500_000])


def shares(person: Person) -> tuple[float, ...]:
    """How much of each file is there."""
    states = person.of(e.SwarmState)
    return states[-1].file_progress if states else ()


async def paused(person: Person, by: PausedBy, nth: int = 1) -> None:
    await person.until(lambda: len(person.of(e.TransferPaused, by=by)) >= nth)


async def nothing_moves(person: Person) -> None:
    """Wait until for QUIET of the swarm's seconds no piece arrived, though some are missing.

    What was on its way when it was paused still arrives, on a busy machine for some time.
    """

    def states() -> list[e.SwarmState]:
        return person.of(e.SwarmState)

    begun = len(states())
    await person.until(
        lambda: (
            len(states()) > begun + QUIET
            and len({state.pieces for state in states()[-QUIET - 1 :]}) == 1
        )
    )
    assert not person.of(e.DownloadComplete)


@ROADS
@pytest.mark.parametrize("who", ["sender", "receiver"])
async def test_no_byte_goes_while_either_side_has_paused(
    relay: RunningRelay, tmp_path: Path, road: RoadChoice, who: str
) -> None:
    write_tree(tmp_path, {"src/big.bin": BIG})
    async with pair(relay, tmp_path, upload_limit=SLOW, road=road) as (ann, bob):
        asked = asyncio.get_running_loop().time()
        transfer = await ann.client.request([tmp_path / "src/big.bin"])
        await yes(bob)
        await runs(bob)
        one, other = (ann, bob) if who == "sender" else (bob, ann)
        await one.client.pause(transfer)
        await paused(one, PausedBy.YOU)
        await paused(other, PausedBy.PARTNER)
        clock = asyncio.get_running_loop().time
        still = clock()
        await nothing_moves(bob)
        still = clock() - still
        assert not bob.of(e.PeerDropped)
        await other.client.go_on(transfer)  # it is not theirs to take back
        await one.client.go_on(transfer)
        for person in (ann, bob):
            assert await person.ended(transfer) is TransferPhase.DONE
        (complete,) = bob.of(e.DownloadComplete)
        assert complete.seconds < clock() - asked - still
        assert one.of(e.TransferResumed, by=PausedBy.YOU, transfer=transfer)
        assert other.of(e.TransferResumed, by=PausedBy.PARTNER, transfer=transfer)
        assert not ann.of(e.Error) + bob.of(e.Error)
    assert read_tree(tmp_path / "bob") == {"big.bin": BIG}


async def test_both_have_to_go_on_where_both_paused(relay: RunningRelay, tmp_path: Path) -> None:
    write_tree(tmp_path, {"src/big.bin": BIG})
    async with pair(relay, tmp_path, upload_limit=SLOW, road=RoadChoice.DIRECT) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src/big.bin"])
        await yes(bob)
        await runs(bob)
        await ann.client.pause(transfer)
        await bob.client.pause(transfer)
        for person in (ann, bob):
            await paused(person, PausedBy.BOTH)
        await ann.client.go_on(transfer)
        await paused(ann, PausedBy.PARTNER)
        await bob.until(lambda: bob.of(e.TransferPaused)[-1].by is PausedBy.YOU)
        await nothing_moves(bob)
        await bob.client.go_on(transfer)
        assert await bob.ended(transfer) is TransferPhase.DONE
    assert read_tree(tmp_path / "bob") == {"big.bin": BIG}


async def test_what_is_paused_before_it_is_hashed_begins_once_it_goes_on(
    relay: RunningRelay, tmp_path: Path
) -> None:
    write_tree(tmp_path, {"src/big.bin": BIG})
    async with pair(relay, tmp_path, road=RoadChoice.DIRECT) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src/big.bin"])
        await yes(bob)
        await bob.client.pause(transfer)
        await ann.until(partial(ann.of, e.FileReady))
        await bob.until(partial(bob.of, e.DownloadStarted))
        await nothing_moves(bob)
        assert not bob.of(e.Download)
        await bob.client.go_on(transfer)
        assert await bob.ended(transfer) is TransferPhase.DONE


async def test_nobody_is_missed_while_it_is_paused(
    relay: RunningRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limits for a silent and for a missing partner are short here, and both pass."""
    write_tree(tmp_path, {"src/big.bin": BIG})
    async with pair(relay, tmp_path, upload_limit=SLOW, road=RoadChoice.DIRECT) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src/big.bin"])
        await yes(bob)
        await runs(bob)
        await ann.client.pause(transfer)
        await paused(bob, PausedBy.PARTNER)
        monkeypatch.setattr(torrent_module, "STANDSTILL", 1.0)
        monkeypatch.setattr(torrent_module, "PATIENCE", 1.0)
        await nothing_moves(bob)
        monkeypatch.undo()
        assert not bob.of(e.Error)
        await ann.client.go_on(transfer)
        assert await bob.ended(transfer) is TransferPhase.DONE


@pytest.mark.parametrize("who", ["sender", "receiver", "both"])
async def test_a_pause_outlives_the_process_of_either_side(
    relay: RunningRelay, tmp_path: Path, who: str
) -> None:
    write_tree(tmp_path, {"src/big.bin": BIG})
    ann, bob = Lasting("Ann", tmp_path, upload_limit=SLOW), Lasting("Bob", tmp_path)
    await meet(relay, ann, bob)
    transfer = await under_way(ann, bob, tmp_path / "src/big.bin")
    await bob.client.pause(transfer)
    await paused(ann, PausedBy.PARTNER)
    ended = [p for p, role in ((ann, "sender"), (bob, "receiver")) if who in (role, "both")]
    for person in ended:
        await person.again(relay)
    for person in ended:
        assert await person.go_on() == transfer
        await paused(person, PausedBy.YOU if person is bob else PausedBy.PARTNER)
    await ann.until(lambda: ann.of(e.PeerConnected))  # while paused they meet all the same
    await nothing_moves(bob)
    await bob.client.go_on(transfer)
    for person in (ann, bob):
        assert await person.ended(transfer) is TransferPhase.DONE
        assert not person.of(e.Error)
    assert read_tree(tmp_path / "bob") == {"big.bin": BIG}
    await asyncio.gather(ann.close(), bob.close())


async def test_what_is_paused_while_the_partner_is_away_reaches_them(
    relay: RunningRelay, tmp_path: Path
) -> None:
    write_tree(tmp_path, {"src/big.bin": BIG})
    ann, bob = Lasting("Ann", tmp_path, upload_limit=SLOW), Lasting("Bob", tmp_path)
    await meet(relay, ann, bob)
    transfer = await under_way(ann, bob, tmp_path / "src/big.bin")
    await bob.client.destroy(keep=True)
    await bob.journal.close()
    await ann.until(partial(ann.of, e.PartnerAway))
    await ann.client.pause(transfer)
    await bob.again(relay)
    await bob.go_on()
    await paused(bob, PausedBy.PARTNER)
    await ann.client.go_on(transfer)
    assert await bob.ended(transfer) is TransferPhase.DONE
    await asyncio.gather(ann.close(), bob.close())


#: Three files; pieces lie in one or the other but for those at the seams.
PARTS = {f"src/album/{name}.bin": BIG[i * 4_000_000 :][:4_000_000] for i, name in enumerate("abc")}


@ROADS
async def test_a_file_that_is_left_out_comes_once_it_is_let(
    relay: RunningRelay, tmp_path: Path, road: RoadChoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tree(tmp_path, PARTS)
    async with pair(relay, tmp_path, upload_limit=SLOW, road=road) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src/album"])
        await yes(bob)
        await bob.client.pause(transfer, [1])
        (told,) = await ann.until(partial(ann.of, e.FilesPaused))
        assert (told.partner, told.files) == ("Bob", (1,))
        await bob.until(lambda: shares(bob)[::2] == (1.0, 1.0))
        monkeypatch.setattr(torrent_module, "STANDSTILL", 1.0)
        await nothing_moves(bob)  # the rest is there, and nobody is blamed
        monkeypatch.undo()
        assert bob.client._engine.standing(transfer) is torrent_module.Standing.RESTING
        assert shares(bob)[1] < 0.5
        assert not bob.of(e.DownloadComplete) + bob.of(e.Error)
        with pytest.raises(FileSendError, match="Only who receives"):
            await ann.client.go_on(transfer, [1])
        await bob.client.go_on(transfer, [1])
        for person in (ann, bob):
            assert await person.ended(transfer) is TransferPhase.DONE
            assert person.of(e.FilesPaused)[-1].files == ()
    assert read_tree(tmp_path / "bob") == {
        path.removeprefix("src/"): data for path, data in PARTS.items()
    }


async def test_a_file_can_be_left_out_in_mid_way_and_over_a_new_process(
    relay: RunningRelay, tmp_path: Path
) -> None:
    write_tree(tmp_path, PARTS)
    ann, bob = Lasting("Ann", tmp_path, upload_limit=SLOW), Lasting("Bob", tmp_path)
    await meet(relay, ann, bob)
    transfer = await under_way(ann, bob, tmp_path / "src/album")
    await bob.client.pause(transfer, [2])
    await ann.until(partial(ann.of, e.FilesPaused))
    for person in (ann, bob):
        await person.again(relay)
    for person in (ann, bob):
        await person.go_on()
        await person.until(partial(person.of, e.FilesPaused, files=(2,)))
    await bob.until(lambda: shares(bob)[:2] == (1.0, 1.0))
    await nothing_moves(bob)
    assert shares(bob)[2] < 1.0
    await bob.client.go_on(transfer, [2])
    for person in (ann, bob):
        assert await person.ended(transfer) is TransferPhase.DONE
    await asyncio.gather(ann.close(), bob.close())


async def test_what_waits_for_others_goes_in_turn_also_over_new_processes(
    relay: RunningRelay, tmp_path: Path
) -> None:
    write_tree(tmp_path, {"src/big.bin": BIG, "src/small.bin": BIG[:1_000_000]})
    ann = Lasting("Ann", tmp_path, upload_limit=SLOW, at_once=1)
    bob = Lasting("Bob", tmp_path)
    await meet(relay, ann, bob)
    first = await under_way(ann, bob, tmp_path / "src/big.bin")
    second = await ann.client.request([tmp_path / "src/small.bin"])
    await yes(bob, 2)
    await bob.until(partial(bob.of, e.TransferQueued, transfer=second, waits=True))
    for person in (ann, bob):
        await person.again(relay)
        for left in await person.client.unfinished():
            assert left.session is not None
            await person.client.resume(left.session, left.transfer)
    for transfer in (first, second):
        for person in (ann, bob):
            assert await person.ended(transfer) is TransferPhase.DONE
    done = [event.transfer for event in bob.of(e.DownloadComplete)]
    assert done == [first, second], "the small one waited for its turn"
    await asyncio.gather(ann.close(), bob.close())
