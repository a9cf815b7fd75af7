"""A source that changes while it is sent, with its time set back: the cause is told, on both sides.

On all but Windows the time of the last change tells even then; elsewhere peers who got what is
false do.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.config import ClientConfig, RoadChoice
from filesend_tui.core.errors import BadMetadata, BadSource, FileSendError, NoPeers, TrackerFailed
from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.peer import peer
from filesend_tui.core.torrent.pieces import complaints
from filesend_tui.core.torrent.sources import scan as finding
from filesend_tui.core.torrent.sources import seed_files
from filesend_tui.core.torrent.sources.create import make_torrent, scan
from filesend_tui.core.torrent.sources.seed_files import SeedFiles
from filesend_tui.core.torrent.storage.piece_store import verify
from filesend_tui.core.transports.base import NoWay
from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.extensions import (
    FS_BAD_ID,
    HANDSHAKE_ID,
    ExtendedHandshake,
    FalsePiece,
    decode_false,
    encode_false,
    encode_handshake,
)
from tests.hostile.stage import Stage
from tests.hostile.villain import Villain
from tests.torrent.bulk.test_spans import DirectHub
from tests.torrent.lab import TRACKERS, Hub, LabRendezvous, Node, write_tree
from tests.waiting import until

HAS_TIME_OF_CHANGE = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no time of the last change that is not set back"
)
TRANSFER = "0123456789abcdef"
KEY = bytes(range(32))


def change_and_set_back(path: Path, at: int, size: int = 1000) -> None:
    """Overwrite some bytes, and leave length and modification time as they were."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        old = file.read(size)
        file.seek(at)
        file.write(bytes(byte ^ 0xFF for byte in old))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_size == before.st_size


def _settled(path: Path) -> None:
    """Wait until another change has another time: clocks of file systems are coarse."""
    probe = path.with_name("probe")
    while True:
        probe.touch()
        if probe.stat().st_ctime_ns > path.stat().st_ctime_ns:
            break
    probe.unlink()


# --- the store


@pytest.fixture
def seed(tmp_path: Path) -> tuple[SeedFiles, TorrentInfo, Path]:
    folder = write_tree(
        tmp_path / "d", {"a": os.urandom(100_000), "b": os.urandom(1000), "c": os.urandom(70_000)}
    )
    sources = scan([folder])
    info = make_torrent(sources)
    for name in "abc":
        _settled(folder / name)
    return SeedFiles(info, sources), info, folder


def _read(store: SeedFiles, info: TorrentInfo, index: int) -> bytes:
    return store.read(index, 0, info.shape.piece_size(index))


@HAS_TIME_OF_CHANGE
def test_a_change_with_the_time_set_back_is_told_with_the_files_name(
    seed: tuple[SeedFiles, TorrentInfo, Path],
) -> None:
    store, info, folder = seed
    good = [_read(store, info, index) for index in range(info.shape.piece_count)]
    change_and_set_back(folder / "c", 50_000)
    last = info.shape.piece_count - 1
    wrong = (100_000 + 1000 + 50_000) // info.shape.piece_length
    with pytest.raises(BadSource) as caught:
        _read(store, info, wrong)
    assert caught.value.message == f"{folder / 'c'} changed while it was being sent."
    assert caught.value.told == "d/c changed while it was being sent."
    assert "copy" in caught.value.hint
    # What is still as it was is still served, of that file and of others.
    for index in {0, last} - {wrong}:
        assert _read(store, info, index) == good[index]
    store.close()


@HAS_TIME_OF_CHANGE
@pytest.mark.parametrize("touch", ["mode", "another name"])
def test_a_change_of_nothing_that_is_sent_is_a_reason_to_hash_and_not_to_fail(
    seed: tuple[SeedFiles, TorrentInfo, Path], touch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, info, folder = seed
    good = [_read(store, info, index) for index in range(info.shape.piece_count)]
    hashed: list[int] = []

    def counted(info: TorrentInfo, index: int, data: bytes) -> bool:
        hashed.append(index)
        return verify(info, index, data)

    monkeypatch.setattr(seed_files, "verify", counted)
    if touch == "mode":
        (folder / "a").chmod(0o600)
    else:
        (folder / "other").hardlink_to(folder / "a")
    for _ in range(3):
        assert [_read(store, info, index) for index in range(info.shape.piece_count)] == good
    # Each piece of that file once, and none of the others.
    assert hashed == list(range(-(-100_000 // info.shape.piece_length)))
    change_and_set_back(folder / "a", 0)
    with pytest.raises(BadSource, match="changed while it was being sent"):
        _read(store, info, 0)
    store.close()


def test_of_several_files_in_a_false_piece_nobody_is_accused_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "changed_ns", lambda _status: None)
    folder = write_tree(tmp_path / "d", {name: name.encode() * 10 for name in "abcd"})
    sources = scan([folder])
    store = SeedFiles(make_torrent(sources), sources)
    store.check(0)
    change_and_set_back(folder / "c", 0, 5)
    with pytest.raises(BadSource) as caught:
        store.check(0)
    assert caught.value.told == "d/a or d/b or 2 more changed while it was being sent."
    store.close()


# --- two of our own, whose file system tells nothing


@pytest.fixture
def timeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files whose last change has no time, as on Windows."""
    monkeypatch.setattr(finding, "changed_ns", lambda _status: None)


async def _private(seeder: Node, receiver: Node, source: Path, folder: Path) -> tuple[str, str]:
    sent = await seeder.engine.seed([source], trackers=TRACKERS, swarm_key=KEY, transfer=TRANSFER)
    await receiver.engine.add(
        seeder.engine.magnet(sent), folder=folder, swarm_key=KEY, transfer=TRANSFER
    )
    return sent, sent


async def _told(node: Node, torrent: str) -> FileSendError:
    with pytest.raises(FileSendError) as caught:
        await asyncio.wait_for(node.engine.wait_done(torrent), 100)
    return caught.value


async def test_a_sender_whose_pieces_come_out_false_looks_and_tells_which_file(
    hub: Hub, tmp_path: Path, timeless: None
) -> None:
    await _changes_in_mid_transfer(tmp_path)


async def test_so_does_one_on_the_direct_road(
    direct: DirectHub, tmp_path: Path, timeless: None
) -> None:
    await _changes_in_mid_transfer(tmp_path)


async def _changes_in_mid_transfer(tmp_path: Path) -> None:
    source = write_tree(tmp_path / "src", {"big.bin": os.urandom(9_000_000)}) / "big.bin"
    config = ClientConfig(output=tmp_path, upload_limit=4_000_000)
    async with Node(config) as seeder, Node(ClientConfig(output=tmp_path)) as receiver:
        torrent, _ = await _private(seeder, receiver, source, tmp_path / "out")
        await receiver.until(lambda: receiver.of(e.Download))
        change_and_set_back(source, 5_000_000, 4_000_000)
        error = await _told(seeder, torrent)
        assert isinstance(error, BadSource)
        assert error.message == f"{source} changed while it was being sent."
        assert error.told == "big.bin changed while it was being sent."
        # It was not thrown out for that: it was told, and had time to look.
        assert not receiver.of(e.PeerDropped)


async def test_an_open_share_that_changes_says_so(hub: Hub, tmp_path: Path, timeless: None) -> None:
    source = write_tree(tmp_path / "src", {"big.bin": os.urandom(5_000_000)}) / "big.bin"
    config = ClientConfig(output=tmp_path, upload_limit=4_000_000)
    async with Node(config) as seeder, Node(ClientConfig(output=tmp_path)) as receiver:
        torrent = await seeder.engine.seed([source], trackers=TRACKERS)
        change_and_set_back(source, 0, 5_000_000)
        await receiver.engine.add(seeder.engine.magnet(torrent), folder=tmp_path / "out")
        await seeder.until(lambda: seeder.of(e.Error))
        (error,) = seeder.of(e.Error)
        assert (error.code, error.torrent) == ("badSource", torrent)
        assert error.message == f"{source} changed while it was being sent."


# --- peers who say so, or only seem to


def _complains(*pieces: int) -> list[m.Message]:
    return [m.Extended(FS_BAD_ID, encode_false(FalsePiece(index))) for index in pieces]


async def _fetching(stage: Stage, seeder: Node, name: str = "villain") -> Villain:
    villain = await stage.villain(seeder, name)
    await villain.hello(m.HaveNone(), m.Interested())
    await villain.until(m.Unchoke)
    return villain


async def _fetch(villain: Villain, index: int) -> None:
    before = sum(isinstance(message, m.Piece) for message in villain.heard)
    await villain.say(m.Request(index, 0, villain.info.shape.piece_size(index)))
    async with asyncio.timeout(60):
        while sum(isinstance(message, m.Piece) for message in villain.heard) == before:
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("asks_again", [True, False], ids=["asks again", "complains"])
def test_a_stranger_who_got_what_is_false_makes_the_sender_look(
    stage: Stage, tmp_path: Path, timeless: None, asks_again: bool
) -> None:
    async def act() -> None:
        seeder = await stage.seeder()
        villain = await _fetching(stage, seeder)
        await _fetch(villain, 3)
        if asks_again:
            await _fetch(villain, 3)
        else:
            await villain.say(*_complains(3))
        await asyncio.sleep(10)
        assert not seeder.of(e.Error), "a complaint of what is right changes nothing"
        change_and_set_back(tmp_path / "source" / "file.bin", 3 * 16384)
        if asks_again:
            await villain.say(m.Request(3, 0, 16384))
        else:
            await villain.say(*_complains(3))
        await seeder.until(lambda: seeder.of(e.Error), 60)
        assert seeder.of(e.Error)[0].code == "badSource"

    stage.play(act)


def test_very_many_complaints_make_little_work(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[int] = []
    real = SeedFiles.check

    def check(self: SeedFiles, index: int) -> None:
        checked.append(index)
        real(self, index)

    monkeypatch.setattr(SeedFiles, "check", check)

    async def act() -> None:
        seeder = await stage.seeder()
        villain = await _fetching(stage, seeder)
        began = asyncio.get_running_loop().time()
        await villain.say(*_complains(*(n % 40 for n in range(1000))))
        await asyncio.sleep(20)
        took = asyncio.get_running_loop().time() - began
        assert complaints.MOST <= len(checked) <= took / complaints.PAUSE + 1
        assert len(checked) < 50
        # Words that move nothing are weighed as ever.
        for _ in range(20):
            await villain.say(*_complains(*range(40)) * 100)
        assert await stage.drops(seeder) == "messageFlood"

    stage.play(act)


@pytest.mark.parametrize("payload", [b"", b"\0\0\0", b"\0\0\0\0\0", b"\xff\xff\xff\xff"])
def test_a_complaint_that_makes_no_sense_costs_the_connection(stage: Stage, payload: bytes) -> None:
    async def act() -> None:
        seeder = await stage.seeder()
        villain = await _fetching(stage, seeder)
        await villain.say(m.Extended(FS_BAD_ID, payload))
        why = await stage.drops(seeder)
        assert why == ("indexOutOfRange" if len(payload) == 4 else "badExtension")

    stage.play(act)


def _takes_complaints(villain: Villain) -> m.Extended:
    said = ExtendedHandshake(ut_metadata=3, fs_bad=9, metadata_size=len(villain.info.raw))
    return m.Extended(HANDSHAKE_ID, encode_handshake(said))


def _heard_of(villain: Villain) -> list[int]:
    return [
        decode_false(message.payload, None).index
        for message in villain.heard
        if isinstance(message, m.Extended) and message.ext_id == 9
    ]


def test_a_liar_who_takes_complaints_is_told_once_and_then_banned(stage: Stage) -> None:
    async def act() -> None:
        receiver = await stage.receiver()
        villain = await stage.villain(receiver)
        villain.describe()
        villain.on[m.Request] = lambda r: [m.Piece(r.index, r.begin, bytes(r.length))]
        await villain.hello(m.HaveAll(), _takes_complaints(villain), m.Unchoke())
        await until(lambda: _heard_of(villain), 60)
        told = _heard_of(villain)
        asked = len([r for r in villain.heard if isinstance(r, m.Request)])
        await asyncio.sleep(peer.TIME_TO_LOOK / 2)
        assert len([r for r in villain.heard if isinstance(r, m.Request)]) == asked
        assert await stage.drops(receiver) == "badPiece"
        assert _heard_of(villain) == told
        assert len(told) <= peer.MOST_TOLD
        await stage.seeder()
        await stage.arrived(receiver)

    stage.play(act)


def test_who_was_wrong_once_and_right_from_then_on_may_stay(stage: Stage) -> None:
    async def act() -> None:
        receiver = await stage.receiver()
        villain = await stage.villain(receiver)
        villain.describe()

        def answer(r: m.Request) -> list[m.Message]:
            start = r.index * 16384
            right = _heard_of(villain)
            block = stage.content[start : start + r.length]
            return [m.Piece(r.index, r.begin, block if right else bytes(r.length))]

        villain.on[m.Request] = answer
        await villain.hello(m.HaveAll(), _takes_complaints(villain), m.Unchoke())
        await stage.arrived(receiver)
        assert not [d for d in receiver.of(e.PeerDropped) if d.reason == "badPiece"]

    stage.play(act)


# --- what is told where nobody comes


async def _receives(stage: Stage, folder: Path, **config: object) -> Node:
    receiver = await stage.node(**config)
    await receiver.engine.add(stage.magnet, folder=folder, transfer=TRANSFER, swarm_key=KEY)
    return receiver


def test_a_partner_who_was_banned_is_not_taken_for_a_firewall(stage: Stage, tmp_path: Path) -> None:
    async def act() -> None:
        receiver = await _receives(stage, tmp_path / "in")
        villain = await stage.villain(receiver)
        villain.on[m.Request] = lambda r: [m.Piece(r.index, r.begin, bytes(r.length))]
        await villain.seem_good()
        assert await stage.drops(receiver) == "badPiece"
        began = asyncio.get_running_loop().time()
        error = await _told(receiver, stage.torrent)
        assert asyncio.get_running_loop().time() - began < 20
        assert isinstance(error, BadMetadata)
        assert "may have changed there" in error.hint

    stage.play(act)


NO_SERVER = NoWay("No TURN server is set.", "Add one.")


def test_a_receiver_who_can_be_reached_by_nobody_is_told_within_seconds(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LabRendezvous, "trouble", NO_SERVER)

    async def act() -> None:
        began = asyncio.get_running_loop().time()
        receiver = await _receives(stage, tmp_path / "in")
        assert await _told(receiver, stage.torrent) is NO_SERVER
        assert asyncio.get_running_loop().time() - began < 6

    stage.play(act)


def test_so_is_a_sender(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would wait for the receiver to give up, who does not know why."""

    async def act() -> None:
        monkeypatch.setattr(LabRendezvous, "trouble", NO_SERVER)
        source = tmp_path / "alone"
        source.mkdir()
        (source / "a.txt").write_bytes(b"a")
        sender = await stage.node()
        began = asyncio.get_running_loop().time()
        torrent = await sender.engine.seed(
            [source], trackers=TRACKERS, swarm_key=KEY, transfer=TRANSFER
        )
        assert await _told(sender, torrent) is NO_SERVER
        assert asyncio.get_running_loop().time() - began < 6

    stage.play(act)


def test_a_partner_who_is_away_may_bring_a_way_back(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relay names its servers to those who are paired: while one is away, to neither."""
    monkeypatch.setattr(LabRendezvous, "trouble", NO_SERVER)

    async def act() -> None:
        receiver = await _receives(stage, tmp_path / "in")
        receiver.engine.partner_away(TRANSFER, away=True)
        done = asyncio.ensure_future(receiver.engine.wait_done(stage.torrent))
        await asyncio.sleep(50)
        assert not done.done()
        done.cancel()

    stage.play(act)


CAUSES: dict[str, tuple[FileSendError | None, dict[str, object], type[FileSendError], str, str]] = {
    "nothing is known": (None, {}, NoPeers, "could not reach each other.", "transit"),
    "the tracker is down": (
        TrackerFailed("The tracker at ws://x does not answer."),
        {},
        TrackerFailed,
        "tracker at ws://x does not answer",
        "tracker",
    ),
    "no road is allowed": (
        NoPeers("A peer does not offer to be reached directly."),
        {"road": RoadChoice.DIRECT},
        NoPeers,
        "could not reach each other: a peer does not offer to be reached directly.",
        "--road auto",
    ),
    "a TURN server": (None, {"relay_only": True}, NoPeers, "could not reach", "transit"),
}


@pytest.mark.parametrize(
    ("trouble", "config", "kind", "message", "hint"), CAUSES.values(), ids=CAUSES
)
def test_what_kept_the_two_from_meeting_is_told(
    stage: Stage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trouble: FileSendError | None,
    config: dict[str, object],
    kind: type[FileSendError],
    message: str,
    hint: str,
) -> None:
    monkeypatch.setattr(LabRendezvous, "trouble", trouble)

    async def act() -> None:
        receiver = await _receives(stage, tmp_path / "in", **config)
        error = await _told(receiver, stage.torrent)
        assert type(error) is kind
        assert message in error.message
        assert hint in error.hint

    stage.play(act)
