"""What happened becomes entries of the history: one for whatever ended, and none for the rest."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from filesend_tui.core import events
from filesend_tui.core.client import Client
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.event_stream import EventStream
from filesend_tui.core.events import Direction, FileEntry, History, Result, TransferPhase
from filesend_tui.core.journal.history import NAMED, Recorder, record
from filesend_tui.core.journal.journal import Journal
from tests.journal.everything import opened

HASH = "c" * 40
FILES = (
    FileEntry(path="holiday/boat.jpg", size=3_000),
    FileEntry(path="holiday/beach.jpg", size=1_000),
    FileEntry(path="letter.odt", size=50),
)


def request(direction: Direction = Direction.RECEIVE, transfer: str = "t1") -> events.FileRequest:
    return events.FileRequest(
        transfer=transfer, direction=direction, partner="Ann", files=FILES, total_bytes=4_050
    )


def state(phase: TransferPhase, reason: str = "", transfer: str = "t1") -> events.TransferState:
    return events.TransferState(
        transfer=transfer, direction=Direction.RECEIVE, phase=phase, reason=reason
    )


def told(*happened: events.Event) -> list[History]:
    """The entries of these events, one a second."""
    recorder = Recorder()
    entries = (recorder.take(event, float(at)) for at, event in enumerate(happened))
    return [entry for entry in entries if entry is not None]


def complete(url: str, transfer: str | None = "t1") -> events.DownloadComplete:
    return events.DownloadComplete(
        torrent=HASH, url=url, bytes=3_050, seconds=2.0, road="direct", transfer=transfer
    )


def connected(road: str) -> events.PeerConnected:
    return events.PeerConnected(torrent=HASH, address="192.0.2.1:1", client="-FS", road=road)


def test_what_arrived(tmp_path: Path) -> None:
    came = tmp_path / "in box" / "holiday"
    metadata = events.Metadata(
        torrent=HASH,
        name="x",
        files=FILES,
        wanted=(True, False, True),
        total_bytes=1,
        transfer="t1",
    )
    (entry,) = told(
        request(),
        state(TransferPhase.ASKED),
        events.FileAnswer(transfer="t1", accepted=(True, False, True)),
        metadata,
        complete(came.as_uri()),
        state(TransferPhase.DONE),
        events.TorrentDestroyed(torrent=HASH, transfer="t1"),
    )
    assert entry == History(
        transfer="t1",
        direction=Direction.RECEIVE,
        partner="Ann",
        result=Result.DONE,
        names=("holiday", "letter.odt"),
        file_count=2,
        total_bytes=3_050,
        hash=HASH,
        url=came.as_uri(),
        folder=str(came.parent),
        began=0.0,
        ended=5.0,
        road="direct",
    )


def test_what_was_sent() -> None:
    seeding = events.Seeding(
        torrent=HASH, info_hash=HASH, name="x", magnet_uri="m", total_bytes=1, transfer="t1"
    )
    (entry,) = told(
        request(Direction.SEND),
        events.FileAnswer(transfer="t1", accepted=(True, True, True)),
        seeding,
        connected("webrtc"),
        connected("direct"),
        state(TransferPhase.DONE),
    )
    assert (entry.direction, entry.result) == (Direction.SEND, Result.DONE)
    assert (entry.hash, entry.road, entry.file_count) == (HASH, "direct", 3)
    assert (entry.url, entry.folder) == ("", "")


@pytest.mark.parametrize(
    ("phase", "result"),
    [
        (TransferPhase.DECLINED, Result.DECLINED),
        (TransferPhase.CANCELLED, Result.CANCELLED),
        (TransferPhase.FAILED, Result.FAILED),
    ],
)
def test_what_ended_otherwise_says_why(phase: TransferPhase, result: Result) -> None:
    answer = events.FileAnswer(transfer="t1", accepted=(False, False, False))
    (entry,) = told(request(), answer, state(phase, "not today"))
    assert (entry.result, entry.reason) == (result, "not today")
    assert (entry.file_count, entry.total_bytes) == (3, 4_050), "all that was offered"


def test_only_what_ends_is_told_and_once() -> None:
    assert told(request(), state(TransferPhase.TRANSFERRING)) == []
    assert told(state(TransferPhase.DONE)) == []
    ends = told(request(), state(TransferPhase.FAILED), state(TransferPhase.FAILED))
    assert len(ends) == 1


def test_several_at_once_are_told_apart() -> None:
    entries = told(
        request(transfer="one"),
        request(transfer="two"),
        state(TransferPhase.CANCELLED, transfer="two"),
        state(TransferPhase.DONE, transfer="one"),
    )
    assert [(each.transfer, each.result) for each in entries] == [
        ("two", Result.CANCELLED),
        ("one", Result.DONE),
    ]


def test_very_many_names_are_counted() -> None:
    files = tuple(FileEntry(path=f"{number}.tif", size=1) for number in range(10_000))
    asked = events.FileRequest(
        transfer="t1", direction=Direction.SEND, partner="Ann", files=files, total_bytes=10_000
    )
    (entry,) = told(asked, state(TransferPhase.DONE))
    assert (len(entry.names), entry.file_count) == (NAMED, 10_000)


# -- open swarms


def metadata() -> events.Metadata:
    return events.Metadata(
        torrent=HASH, name="holiday", files=FILES, wanted=(True, True, False), total_bytes=4_050
    )


GONE = events.TorrentDestroyed(torrent=HASH)


def test_an_open_download(tmp_path: Path) -> None:
    url = (tmp_path / "holiday").as_uri()
    (entry,) = told(metadata(), connected("webrtc"), complete(url, None), GONE)
    assert (entry.result, entry.transfer, entry.partner) == (Result.DONE, None, "")
    assert (entry.names, entry.file_count, entry.total_bytes) == (("holiday",), 2, 4_000)
    assert (entry.hash, entry.url, entry.folder) == (HASH, url, str(tmp_path))


def test_an_open_download_that_was_given_up_or_failed() -> None:
    nobody = events.Error(code="noPeers", message="Nobody.", hint="h", torrent=HASH)
    full = events.Error(code="noSpace", message="The disk is full.", hint="h", torrent=HASH)
    (entry,) = told(metadata(), nobody, GONE)
    assert (entry.result, entry.reason) == (Result.CANCELLED, "")
    (entry,) = told(metadata(), full, GONE)
    assert (entry.result, entry.reason) == (Result.FAILED, "The disk is full.")


def test_an_open_share_is_told_when_it_is_stopped() -> None:
    seeding = events.Seeding(
        torrent=HASH, info_hash=HASH, name="film", magnet_uri="m", total_bytes=7
    )
    (entry,) = told(seeding, connected("webrtc"), GONE)
    assert (entry.direction, entry.result) == (Direction.SEND, Result.DONE)
    assert (entry.names, entry.total_bytes, entry.road) == (("film",), 7, "webrtc")


# -- from a stream to a file


async def test_what_a_stream_tells_is_in_the_journal(tmp_path: Path) -> None:
    stream = EventStream()
    async with opened(tmp_path) as (journal, _):
        listening = asyncio.create_task(record(stream.subscribe(), journal))
        stream.publish(request())
        stream.publish(state(TransferPhase.DONE))
        stream.close()
        await listening
        (entry,) = await journal.history(9)
    assert entry.number == 1
    assert entry.ended - entry.began < 60


@pytest.mark.parametrize("wanted", [True, False])
async def test_a_client_keeps_a_history_unless_it_is_off(tmp_path: Path, wanted: bool) -> None:
    folder = tmp_path / "state"
    client = Client(ClientConfig(output=tmp_path, history=wanted), Journal.open(folder))
    reader = client.subscribe()
    client._events.publish(request())
    client._events.publish(state(TransferPhase.DONE))
    assert await client.history(9) == [] or wanted
    await client.destroy()
    assert [type(event).__name__ async for event in reader][-1] == "ClientDestroyed"
    async with opened(folder) as (journal, _):
        assert len(await journal.history(9)) == wanted


async def test_a_client_tells_of_trouble_with_the_journal(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"nonsense")
    client = Client(ClientConfig(output=tmp_path), Journal.open(tmp_path))
    reader = client.subscribe()
    async with asyncio.timeout(20):
        told_of = await anext(reader)
    assert isinstance(told_of, events.JournalTrouble)
    assert told_of.reason == "damaged"
    await client.destroy()


async def test_a_client_without_a_journal_has_no_history(tmp_path: Path) -> None:
    client = Client(ClientConfig(output=tmp_path))
    assert await client.history(9) == ()
    assert await client.clear_history() is None
    await client.destroy()
