"""Whole exchanges between two people at a real relay, with engines that work at the test's pace."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from filesend_tui.core import errors, events
from filesend_tui.core.events import Direction, TransferPhase
from filesend_tui.core.exchange import offer, transfer_task, transfers
from filesend_tui.core.sessions.code import parse_code
from filesend_tui.core.torrent.metainfo.info import TorrentFiles, TorrentInfo
from filesend_tui.core.torrent.sources.scan import Bounds
from filesend_tui.core.torrent.storage.download_files import Layout
from filesend_tui.core.torrent.torrent import Standing
from relay.protocol import words
from relay.protocol.words import OfferedFile
from tests.conftest import RunningRelay
from tests.people import Links, NewPerson, NotingConnection, Person
from tests.waiting import until

P = TransferPhase
ID = "0123456789abcdef"
KEY = bytes(range(32))
MAGNET = "magnet:?xt=urn:btih:" + "a" * 40


async def pair(new_person: NewPerson) -> tuple[Person, Person]:
    ada, bob = await new_person("Ada"), await new_person("Bob")
    await bob.people.join(await ada.people.create_code())
    await ada.until(events.Paired)
    return ada, bob


async def hostile_partner(
    new_person: NewPerson, links: Links, url: str
) -> tuple[Person, NotingConnection]:
    """Return a person and who they are paired with: a bare link that may say anything."""
    ada = await new_person("Ada")
    eve = await links(url)
    await let_in(ada, eve, "Eve")
    return ada, eve


async def let_in(ada: Person, link: NotingConnection, name: str) -> None:
    """Have a bare link pair with Ada under a name."""
    await link.prove(parse_code(await ada.people.create_code()))
    await link.tell(words.Hello(name=name))
    await ada.until(events.Paired, partner=name)
    await link.until(lambda: words.Hello(name="Ada", files=words.MOST_FILES) in link.words)
    link.words.clear()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two files, a folder with three more, an odd name among them."""
    folder = tmp_path / "holiday"
    (folder / "more").mkdir(parents=True)
    paths = [tmp_path / "one.txt", tmp_path / "two e\u0301🎈.txt"]
    for i, path in enumerate(
        [*paths, folder / "a.jpg", folder / "b.jpg", folder / "more" / "empty"]
    ):
        path.write_bytes(b"x" * (100 * i if path.name != "empty" else 0))
    return [*paths, folder]


def phases(person: Person, transfer: str) -> list[TransferPhase]:
    return [
        e.phase
        for e in person.log
        if isinstance(e, events.TransferState) and e.transfer == transfer
    ]


async def idle(*people: Person) -> None:
    """Wait until no engine holds anything any more."""
    async with asyncio.timeout(5):
        for person in people:
            while not person.engine.idle:
                await asyncio.sleep(0.01)


async def test_one_file_from_request_to_done(
    relay: RunningRelay, files: list[Path], new_person: NewPerson
) -> None:
    ada, bob = await pair(new_person)
    ada.engine.gates["hash"].clear()
    transfer = await ada.people.request(files[:1])
    request = await bob.until(events.FileRequest)
    (session,) = bob.people.partners
    assert request == events.FileRequest(
        session=session,
        transfer=transfer,
        direction=Direction.RECEIVE,
        partner="Ada",
        files=(events.FileEntry(path="one.txt", size=0),),
        total_bytes=0,
        file_count=1,
    )
    await bob.people.answer(transfer, [True])
    await bob.until(events.TransferState, phase=P.HASHING)
    ada.engine.gates["hash"].set()
    done = await ada.until(events.TransferState, phase=P.DONE)
    assert done.direction is Direction.SEND
    await bob.until(events.TransferState, phase=P.DONE)
    way = [P.ASKED, P.APPROVED, P.HASHING, P.READY, P.TRANSFERRING, P.DONE]
    assert phases(ada, transfer) == phases(bob, transfer) == way
    order = [type(e) for e in ada.log if not isinstance(e, events.TransferState | events.Relay)]
    assert order == [
        events.Code,
        events.CodeClaimed,
        events.Paired,
        events.FileRequest,
        events.Hashing,
        events.FileAnswer,
        events.Hashing,
        events.FileReady,
        events.DownloadStarted,
        *[events.ProgressUpdate] * (order.count(events.ProgressUpdate)),
        events.TorrentDone,
    ]
    last = [e for e in ada.log if isinstance(e, events.ProgressUpdate)][-1]
    assert (last.progress, last.downloaded) == (1.0, "0 Bytes")
    await idle(ada, bob)
    assert [deleted for _, deleted in ada.engine.removed] == [False]
    assert [deleted for _, deleted in bob.engine.removed] == [False]
    # Each side uses the relay's tracker as it knows it, and nobody else's.
    assert ada.engine.seeded_trackers == [(relay.tracker,)]
    assert bob.engine.added[0].trackers == (relay.tracker,)
    assert bob.engine.added[0].folder == bob.output


async def test_every_transfer_is_a_private_swarm_of_its_own(
    files: list[Path], new_person: NewPerson
) -> None:
    ada, bob = await pair(new_person)
    for _ in range(2):
        transfer = await ada.people.request(files[:1])
        await bob.until(events.FileRequest, transfer=transfer)
        await bob.people.answer(transfer, [True])
        await ada.until(events.TransferState, transfer=transfer, phase=P.DONE)
        await bob.until(events.TransferState, transfer=transfer, phase=P.DONE)
    assert [added.swarm_key for added in bob.engine.added] == ada.engine.swarm_keys
    keys = {key for key in ada.engine.swarm_keys if key is not None}
    assert [len(key) for key in keys] == [32, 32]
    for shown in [repr(event) for event in (*ada.log, *bob.log)]:
        for key in keys:
            assert repr(key)[2:-1] not in shown
            assert key.hex() not in shown
            assert base64.b64encode(key).decode() not in shown


@pytest.mark.parametrize(
    ("chosen", "accepted", "layout"),
    [
        (slice(0, 1), [True], Layout.FOLDER),
        (slice(2, 3), [True, False, True], Layout.FOLDER),
        (slice(0, 2), [False, True], Layout.LOOSE),
        (slice(0, 3), [True, False, False, True, True], Layout.LOOSE),
    ],
)
async def test_only_what_was_accepted_is_chosen(
    chosen: slice,
    accepted: list[bool],
    layout: Layout,
    files: list[Path],
    tmp_path: Path,
    new_person: NewPerson,
) -> None:
    ada, bob = await pair(new_person)
    transfer = await ada.people.request(files[chosen])
    request = await bob.until(events.FileRequest)
    assert all(not entry.path.startswith("/") for entry in request.files)
    await bob.people.answer(transfer, accepted, output=tmp_path / "elsewhere")
    await bob.until(events.TransferState, phase=P.DONE)
    choice = bob.engine.added[0].choice
    assert choice is not None
    assert choice.layout is layout
    assert choice.wanted == tuple(accepted)
    assert bob.engine.added[0].folder == tmp_path / "elsewhere"
    assert (await ada.until(events.FileAnswer)).accepted == tuple(accepted)


async def test_no_to_everything_declines(files: list[Path], new_person: NewPerson) -> None:
    ada, bob = await pair(new_person)
    transfer = await ada.people.request(files[:2])
    await bob.until(events.FileRequest)
    await bob.people.answer(transfer, [False, False])
    await ada.until(events.TransferState, phase=P.DECLINED)
    for person in (ada, bob):
        assert phases(person, transfer) == [P.ASKED, P.DECLINED]
        assert person.engine.removed == []
    await idle(ada, bob)


async def test_files_are_hashed_before_the_answer_and_served_after_it(
    files: list[Path], new_person: NewPerson
) -> None:
    ada, bob = await pair(new_person)
    transfer = await ada.people.request(files[:2])
    await bob.until(events.FileRequest)
    await until(lambda: ada.engine.hashed, 5)
    assert not ada.engine.held
    await bob.people.answer(transfer, [True, True])
    await ada.until(events.TransferState, phase=P.DONE)
    assert phases(ada, transfer) == [P.ASKED, P.APPROVED, P.READY, P.TRANSFERRING, P.DONE]


async def test_what_was_offered_is_sent_whatever_came_to_lie_beside_it(
    files: list[Path], new_person: NewPerson
) -> None:
    ada, bob = await pair(new_person)
    ada.engine.gates["hash"].clear()
    transfer = await ada.people.request([files[2]])
    request = await bob.until(events.FileRequest)
    (files[2] / "later").write_bytes(b"nobody was asked about this")
    ada.engine.gates["hash"].set()
    await bob.people.answer(transfer, [True] * len(request.files))
    await ada.until(events.TransferState, phase=P.DONE)
    assert len(request.files) == 3


async def test_files_that_cannot_be_read_end_it_before_the_answer(
    files: list[Path], new_person: NewPerson
) -> None:
    ada, bob = await pair(new_person)
    ada.engine.fails["hash"] = errors.BadSource("/home/ada/one.txt cannot be read.")
    transfer = await ada.people.request(files[:2])
    await bob.until(events.TransferState, transfer=transfer, phase=P.CANCELLED)
    assert phases(ada, transfer) == [P.ASKED, P.FAILED]
    await idle(ada, bob)


GATES = {P.ASKED: None, P.HASHING: "hash", P.READY: "metadata", P.TRANSFERRING: "data"}


async def reach(phase: TransferPhase, ada: Person, bob: Person, paths: list[Path]) -> str:
    """Bring a transfer from Ada to Bob into a phase, where it stays."""
    gate = GATES[phase]
    if gate is not None:
        for person in (ada, bob):
            person.engine.gates[gate].clear()
    transfer = await ada.people.request(paths)
    await bob.until(events.FileRequest, transfer=transfer)
    if gate is not None:
        await bob.people.answer(transfer, [True] * len(paths))
    for person in (ada, bob):
        await person.until(events.TransferState, transfer=transfer, phase=phase)
    return transfer


@pytest.mark.parametrize("phase", GATES)
@pytest.mark.parametrize("canceller", ["sender", "receiver"])
async def test_either_side_can_cancel_at_any_step(
    canceller: str, phase: TransferPhase, files: list[Path], new_person: NewPerson
) -> None:
    ada, bob = await pair(new_person)
    transfer = await reach(phase, ada, bob, files[:2])
    one, other = (ada, bob) if canceller == "sender" else (bob, ada)
    await one.people.cancel(transfer)
    assert one.engine.idle
    mine = await one.until(events.TransferState, transfer=transfer, phase=P.CANCELLED)
    theirs = await other.until(events.TransferState, transfer=transfer, phase=P.CANCELLED)
    assert (mine.by, theirs.by) == (events.Who.YOU, events.Who.PARTNER)
    assert {mine.partner, theirs.partner} == {"Ada", "Bob"}
    await idle(ada, bob)
    assert all(not deleted for _, deleted in ada.engine.removed), "the sender's files are theirs"
    assert all(deleted for _, deleted in bob.engine.removed), "part files go"
    # It is over: late commands change nothing, and the next transfer is as any other.
    await other.people.cancel(transfer)
    with pytest.raises(errors.FileSendError, match="no longer open"):
        await bob.people.answer(transfer, [True, True])
    for gate in (*ada.engine.gates.values(), *bob.engine.gates.values()):
        gate.set()
    again = await ada.people.request(files[:1])
    await bob.until(events.FileRequest, transfer=again)
    await bob.people.answer(again, [True])
    await ada.until(events.TransferState, transfer=again, phase=P.DONE)


@pytest.mark.parametrize("phase", GATES)
@pytest.mark.parametrize("end", ["sender leaves", "receiver leaves", "relay stays away", "destroy"])
async def test_the_end_of_the_session_ends_transfers_at_any_step(
    end: str,
    phase: TransferPhase,
    files: list[Path],
    relay: RunningRelay,
    new_person: NewPerson,
) -> None:
    ada, bob = await pair(new_person)
    transfer = await reach(phase, ada, bob, files[:2])
    if end == "relay stays away":
        for person in (ada, bob):
            person.people.partner().presence._limit = 0.1
        await asyncio.to_thread(relay.stop)
        for person in (ada, bob):
            await person.until(events.TransferState, transfer=transfer, phase=P.FAILED)
            error = await person.until(events.Error, transfer=transfer)
            assert error.code == "relayUnreachable"
            assert relay.url in error.message
    else:
        leaver, other = (bob, ada) if end == "receiver leaves" else (ada, bob)
        await (leaver.people.destroy() if end == "destroy" else leaver.people.leave())
        assert leaver.engine.idle
        await leaver.until(events.TransferState, transfer=transfer, phase=P.CANCELLED)
        await other.until(events.TransferState, transfer=transfer, phase=P.CANCELLED)
        await other.until(events.PartnerGone, reason="left")
    await idle(ada, bob)
    assert all(deleted for _, deleted in bob.engine.removed)


async def test_who_stops_says_nothing_any_more_that_the_next_process_would_not_know(
    files: list[Path], new_person: NewPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The swarm key of a torrent that is hashed just then, above all: there would be another."""
    ada, bob = await pair(new_person)
    await reach(P.TRANSFERRING, ada, bob, files[:1])
    second = await reach(P.HASHING, ada, bob, files[1:2])
    remove = ada.engine.remove

    async def hashes_meanwhile(torrent: str, *, delete_data: bool = False) -> None:
        ada.engine.gates["hash"].set()
        await until(lambda: len(ada.engine.swarm_keys) == 2)
        for _ in range(100):
            await asyncio.sleep(0)
        await remove(torrent, delete_data=delete_data)

    monkeypatch.setattr(ada.engine, "remove", hashes_meanwhile)
    await ada.people.partner().activity.suspend()
    await ada.people.partner().session.settled(5)
    await ada.people.say("What came before has come.")
    await bob.until(events.Message)
    assert phases(bob, second)[-1] is P.HASHING


async def test_a_partner_who_stays_away_fails_transfers(
    files: list[Path], new_person: NewPerson
) -> None:
    ada, bob = await pair(new_person)
    transfer = await reach(P.TRANSFERRING, ada, bob, files[:2])
    ada.people.partner().presence._limit = 0.1
    await bob.relay.close()
    error = await ada.until(events.Error, transfer=transfer)
    assert error.code == "partnerGone"
    for person in (ada, bob):
        await person.until(events.TransferState, transfer=transfer, phase=P.FAILED)
    await idle(ada, bob)


@pytest.mark.parametrize(
    ("side", "gate", "error"),
    [
        ("ada", "hash", errors.BadSource("/home/ada/one.txt changed.")),
        ("ada", "seed", errors.TrackerFailed("ws://192.0.2.1 refused.")),
        ("bob", "metadata", errors.NoPeers("Nobody came.")),
        ("bob", "data", errors.StorageFailed("/home/bob: disk full.")),
    ],
)
async def test_failure_on_one_side_ends_it_on_both(
    side: str, gate: str, error: errors.FileSendError, files: list[Path], new_person: NewPerson
) -> None:
    ada, bob = await pair(new_person)
    failing, other = (ada, bob) if side == "ada" else (bob, ada)
    failing.engine.fails[gate] = error
    transfer = await ada.people.request(files[:1])
    await bob.until(events.FileRequest)
    if gate != "hash":
        await bob.people.answer(transfer, [True])
    told = await failing.until(events.Error, transfer=transfer)
    assert (told.code, told.message) == (error.code, error.message)
    await failing.until(events.TransferState, phase=P.FAILED, reason=error.message)
    ended = await other.until(events.TransferState, phase=P.CANCELLED)
    assert ended.reason
    assert "/home" not in ended.reason
    await idle(ada, bob)


async def test_a_seed_that_breaks_later_ends_it(files: list[Path], new_person: NewPerson) -> None:
    ada, bob = await pair(new_person)
    transfer = await reach(P.TRANSFERRING, ada, bob, files[:2])
    (seeded,) = ada.engine.held.values()
    seeded.done.set_exception(errors.StorageFailed("one.txt was deleted."))
    await ada.until(events.TransferState, transfer=transfer, phase=P.FAILED)
    await bob.until(events.TransferState, transfer=transfer, phase=P.CANCELLED)
    await idle(ada, bob)


@pytest.mark.parametrize("side", ["ada", "bob"])
async def test_a_torrent_removed_by_other_means_cancels(
    side: str, files: list[Path], new_person: NewPerson
) -> None:
    ada, bob = await pair(new_person)
    transfer = await reach(P.TRANSFERRING, ada, bob, files[:2])
    engine = (ada if side == "ada" else bob).engine
    await engine.remove(next(iter(engine.held)))
    for person in (ada, bob):
        await person.until(events.TransferState, transfer=transfer, phase=P.CANCELLED)
    await idle(ada, bob)


@pytest.mark.parametrize("lie", ["more files", "other size", "other name", "fewer files"])
async def test_a_torrent_that_was_not_offered_is_not_fetched(
    lie: str, files: list[Path], new_person: NewPerson
) -> None:
    ada, bob = await pair(new_person)
    alterations = {
        "more files": lambda f: (*f, dataclasses.replace(f[0], path=("virus.exe",))),
        "other size": lambda f: (dataclasses.replace(f[0], length=10**9), *f[1:]),
        "other name": lambda f: (dataclasses.replace(f[0], path=("virus.exe",)), *f[1:]),
        "fewer files": lambda f: f[1:],
    }

    def alter(info: TorrentInfo) -> TorrentInfo:
        other = TorrentFiles()
        for file in alterations[lie](tuple(info.files)):
            other.add(file.path, file.length)
        return dataclasses.replace(info, files=other)

    ada.engine.alter = alter
    transfer = await ada.people.request(files[2:])
    await bob.until(events.FileRequest)
    await bob.people.answer(transfer, [True, True, True])
    error = await bob.until(events.Error, transfer=transfer)
    assert error.code == "badMetadata"
    assert "not what was offered" in error.message
    ended = await ada.until(events.TransferState, phase=P.CANCELLED)
    assert ended.reason == "What came was not what was offered."
    await idle(ada, bob)
    assert bob.engine.added[0].choice is None


async def test_ten_requests_both_ways_at_once(tmp_path: Path, new_person: NewPerson) -> None:
    ada, bob = await pair(new_person)
    same = tmp_path / "the same file"
    same.write_bytes(b"x" * 1000)

    async def send(one: Person, other: Person) -> None:
        transfer = await one.people.request([same])
        await other.until(events.FileRequest, transfer=transfer)
        await other.people.answer(transfer, [True])
        for person in (one, other):
            await person.until(events.TransferState, transfer=transfer, phase=P.DONE)

    await asyncio.gather(*(send(ada, bob) for _ in range(10)), *(send(bob, ada) for _ in range(10)))
    await idle(ada, bob)
    for person in (ada, bob):
        assert len(person.engine.removed) == 20
        assert not [e for e in person.log if isinstance(e, events.Error)]


async def test_no_space_leaves_the_request_open(
    relay: RunningRelay, new_person: NewPerson, links: Links
) -> None:
    ada, eve = await hostile_partner(new_person, links, relay.url)
    offered = [OfferedFile(path="huge", size=2**53), OfferedFile(path="small", size=1)]
    await eve.tell(words.FileRequest(id=ID, files=offered))
    await ada.until(events.FileRequest)
    with pytest.raises(errors.NoSpace, match=r"needs 9 PB, but .* has only .* free"):
        await ada.people.answer(ID, [True, True])
    assert phases(ada, ID) == [P.ASKED]
    for wrong in ([], [True], [True] * 3):
        with pytest.raises(errors.FileSendError, match="2 files"):
            await ada.people.answer(ID, wrong)
    await ada.people.answer(ID, [False, True])
    await eve.until(lambda: words.FileAnswer(id=ID, accepted=[False, True]) in eve.words)


async def test_nothing_is_fetched_before_a_yes(
    relay: RunningRelay, new_person: NewPerson, links: Links
) -> None:
    ada, eve = await hostile_partner(new_person, links, relay.url)
    offered = [OfferedFile(path="f", size=1)]
    ready = words.FileReady(id=ID, magnet_uri=MAGNET, swarm_key=KEY)
    await eve.tell(ready)
    await eve.tell(words.FileRequest(id=ID, files=offered))
    await eve.tell(ready)
    await eve.tell(words.FileRequest(id=ID, files=[OfferedFile(path="other", size=9)]))
    await eve.tell(words.Message(text="done"))
    await ada.until(events.Message)
    assert phases(ada, ID) == [P.ASKED]
    assert len([e for e in ada.log if isinstance(e, events.FileRequest)]) == 1
    assert ada.engine.added == []


async def test_a_partner_chooses_no_trackers(
    relay: RunningRelay, new_person: NewPerson, links: Links
) -> None:
    ada, eve = await hostile_partner(new_person, links, relay.url)
    ada.engine.gates["metadata"].clear()
    await eve.tell(words.FileRequest(id=ID, files=[OfferedFile(path="f", size=1)]))
    await ada.until(events.FileRequest)
    await ada.people.answer(ID, [True])
    magnet = MAGNET + "&dn=f&tr=ws%3A%2F%2F192.168.1.1%2F&xs=http%3A%2F%2F192.168.1.1%2F"
    await eve.tell(words.FileReady(id=ID, magnet_uri=magnet, swarm_key=KEY))
    assert (await ada.until(events.AddTorrent)).magnet_uri == magnet
    await ada.until(events.TransferState, phase=P.READY)
    await until(lambda: ada.engine.added, 5)
    (added,) = ada.engine.added
    assert added.trackers == (relay.tracker,)
    assert str(added.magnet) == MAGNET + "&dn=f"


@pytest.mark.parametrize(
    "magnet", ["magnet:?", "magnet:?xt=urn:btih:zz", "magnet:?\x00" + "x" * 4000]
)
async def test_a_broken_magnet_fails_the_transfer(
    magnet: str, relay: RunningRelay, new_person: NewPerson, links: Links
) -> None:
    ada, eve = await hostile_partner(new_person, links, relay.url)
    await eve.tell(words.FileRequest(id=ID, files=[OfferedFile(path="f", size=1)]))
    await ada.until(events.FileRequest)
    await ada.people.answer(ID, [True])
    await eve.tell(words.FileReady(id=ID, magnet_uri=magnet, swarm_key=KEY))
    assert (await ada.until(events.Error, transfer=ID)).code == "badMagnet"
    await eve.until(lambda: any(isinstance(w, words.Cancel) for w in eve.words))
    await idle(ada)


async def test_too_many_open_requests_are_refused_unseen(
    relay: RunningRelay, new_person: NewPerson, links: Links
) -> None:
    ada, eve = await hostile_partner(new_person, links, relay.url)
    for i in range(transfers.MAX_ASKED + 5):
        await eve.tell(words.FileRequest(id=f"{i:016x}", files=[OfferedFile(path="f", size=1)]))
    await eve.until(lambda: len(eve.words) == 5)
    refused = {w.id for w in eve.words if isinstance(w, words.Cancel)}
    assert refused == {f"{transfers.MAX_ASKED + i:016x}" for i in range(5)}
    shown = [e for e in ada.log if isinstance(e, events.FileRequest)]
    assert len(shown) == transfers.MAX_ASKED
    # An answer makes room for another.
    await ada.people.answer(f"{0:016x}", [False])
    await eve.tell(words.FileRequest(id="f" * 16, files=[OfferedFile(path="f", size=1)]))
    await ada.until(events.FileRequest, transfer="f" * 16)


async def test_too_many_files_in_all_are_refused_unseen(
    relay: RunningRelay, new_person: NewPerson, links: Links
) -> None:
    _, eve = await hostile_partner(new_person, links, relay.url)
    many = [OfferedFile(path=str(i), size=1) for i in range(words.MAX_FILES)]
    for i in range(3):
        await eve.tell(words.FileRequest(id=f"{i:016x}", files=many))
    await eve.until(lambda: eve.words)
    assert [w.id for w in eve.words if isinstance(w, words.Cancel)] == [f"{2:016x}"]


async def test_a_request_that_names_a_file_twice_is_refused_unseen(
    relay: RunningRelay, new_person: NewPerson, links: Links
) -> None:
    ada, eve = await hostile_partner(new_person, links, relay.url)
    twice = [OfferedFile(path="f", size=1), OfferedFile(path="f", size=2)]
    await eve.tell(words.FileRequest(id=ID, files=twice))
    await eve.until(lambda: eve.words)
    assert isinstance(eve.words[0], words.Cancel)
    assert not [e for e in ada.log if isinstance(e, events.FileRequest)]


async def test_a_partners_hashing_is_shown_and_not_sent_back(
    relay: RunningRelay, new_person: NewPerson, links: Links
) -> None:
    ada, eve = await hostile_partner(new_person, links, relay.url)
    await eve.tell(words.FileRequest(id=ID, files=[OfferedFile(path="f", size=1)]))
    await ada.until(events.FileRequest)
    await ada.people.answer(ID, [True])
    await eve.tell(words.Preparing(id=ID, progress=0.25))
    assert (await ada.until(events.Hashing)).progress == 0.25
    await eve.tell(words.Message(text="done"))
    await ada.until(events.Message)
    assert [type(w) for w in eve.words] == [words.FileAnswer]


async def test_figures_are_reported_at_most_four_times_a_second(
    files: list[Path], new_person: NewPerson
) -> None:
    ada, bob = await pair(new_person)
    await reach(P.TRANSFERRING, ada, bob, files[:2])
    clock = asyncio.get_running_loop().time
    started = clock()

    async def reports(count: int) -> None:
        await until(lambda: sum(isinstance(e, events.ProgressUpdate) for e in ada.log) >= count, 5)

    await reports(1)
    await reports(4)
    assert clock() - started >= 3 * transfer_task.REPORT_INTERVAL * 0.9


async def test_what_cannot_be_sent_is_not_asked(
    files: list[Path], tmp_path: Path, new_person: NewPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = await pair(new_person)
    (tmp_path / "nothing").mkdir()
    for paths in ([], [tmp_path / "missing"], [tmp_path / "nothing"]):
        with pytest.raises(errors.BadSource):
            await ada.people.request(paths)
    monkeypatch.setattr(offer, "BOUNDS", Bounds(2, 100))
    with pytest.raises(errors.BadSource, match="more than 2 files") as refused:
        await ada.people.request(files[2:])
    assert "archive" in refused.value.hint
    monkeypatch.undo()
    monkeypatch.setattr(offer, "MAX_CONTENT", 76)
    monkeypatch.setattr(offer, "MOST_NAMES", 5)
    with pytest.raises(errors.BadSource, match="too long"):
        await ada.people.request(files[2:])
    assert not [e for e in (*ada.log, *bob.log) if isinstance(e, events.FileRequest)]


# -- what stands still


class Watch:
    """A clock that a test sets, for what stands still at one person's."""

    def __init__(self, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transfers, "BEAT", 0.01)
        self.now = 0.0
        (partner,) = person.people.partners.values()
        assert isinstance(partner.activity, transfers.Transfers)
        self._transfers = partner.activity
        self._transfers._clock = lambda: self.now

    async def seen(self, transfer: str) -> None:
        """Wait until a transfer was looked at, from this moment on."""
        run = self._transfers._runs[transfer]
        looked = run.patience.look
        again = asyncio.Event()

        def look(*what: Any, **how: Any) -> Any:
            again.set()
            return looked(*what, **how)

        run.patience.look = look  # type: ignore[method-assign]
        await asyncio.wait_for(again.wait(), 10)
        run.patience.look = looked  # type: ignore[method-assign]


async def test_a_sender_who_never_hashes_is_told_of_and_given_up(
    files: list[Path], new_person: NewPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = await pair(new_person)
    clocks = {person: Watch(person, monkeypatch) for person in (ada, bob)}
    ada.engine.gates["hash"].clear()
    transfer = await ada.people.request(files[:1])
    await bob.until(events.FileRequest)
    await bob.people.answer(transfer, [True])
    await bob.until(events.TransferState, phase=P.HASHING)
    await ada.until(events.TransferState, phase=P.HASHING)
    for person, what in ((ada, "ownReading"), (bob, "preparing")):
        await clocks[person].seen(transfer)
        clocks[person].now = 12.0
        waiting = await person.until(events.Waiting)
        assert (waiting.transfer, waiting.what, waiting.seconds) == (transfer, what, 12.0)
        assert waiting.session in person.people.partners
    assert "Ada" in waiting.message
    clocks[bob].now = 3600.0
    error = await bob.until(events.Error)
    assert (error.code, error.transfer) == ("partnerSilent", transfer)
    assert "Ada" in error.message
    for person in (ada, bob):
        await person.until(events.TransferState, phase=P.FAILED if person is bob else P.CANCELLED)
    ada.engine.gates["hash"].set()
    await idle(ada, bob)


async def test_a_disk_that_never_delivers_what_is_to_be_sent_ends_it_on_both_sides(
    files: list[Path], new_person: NewPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = await pair(new_person)
    watch = Watch(ada, monkeypatch)
    ada.engine.gates["hash"].clear()
    transfer = await ada.people.request(files[:1])
    await bob.until(events.FileRequest)
    await bob.people.answer(transfer, [True])
    await ada.until(events.TransferState, phase=P.HASHING)
    await watch.seen(transfer)
    watch.now = 3600.0
    assert (await ada.until(events.Error)).code == "storageFailed"
    cancelled = await bob.until(events.TransferState, phase=P.CANCELLED)
    assert "disk" in cancelled.reason
    ada.engine.gates["hash"].set()
    await idle(ada, bob)


async def test_who_does_not_answer_and_who_is_away_is_no_reason_to_end(
    files: list[Path], new_person: NewPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = await pair(new_person)
    watch = Watch(ada, monkeypatch)
    transfer = await ada.people.request(files[:1])
    await bob.until(events.FileRequest)
    await watch.seen(transfer)
    watch.now = 100_000.0
    assert (await ada.until(events.Waiting)).what == "answer"
    await bob.relay.close()
    await ada.until(events.PartnerAway)
    over = await ada.until(events.WaitOver)
    assert (over.transfer, over.what) == (transfer, "answer")
    for _ in range(3):
        watch.now += 100_000
        await watch.seen(transfer)
    assert sum(isinstance(event, events.Waiting) for event in ada.log) == 1
    assert phases(ada, transfer) == [P.ASKED]


async def test_what_is_paused_is_not_waited_for(
    files: list[Path], new_person: NewPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = await pair(new_person)
    watch = Watch(bob, monkeypatch)
    ada.engine.gates["hash"].clear()
    transfer = await ada.people.request(files[:1])
    await bob.until(events.FileRequest)
    await bob.people.answer(transfer, [True])
    await bob.until(events.TransferState, phase=P.HASHING)
    await watch.seen(transfer)
    watch.now = 10.0
    await bob.until(events.Waiting)
    ada.people._transfers.pause(transfer)
    await bob.until(events.WaitOver)
    for _ in range(3):
        watch.now += 100_000
        await watch.seen(transfer)
    assert phases(bob, transfer)[-1] is P.HASHING
    ada.people._transfers.go_on(transfer)
    ada.engine.gates["hash"].set()
    await bob.until(events.TransferState, phase=P.DONE)
    assert sum(isinstance(event, events.Waiting) for event in bob.log) == 1


async def test_a_sender_waits_for_nothing_while_files_are_left_out(
    files: list[Path], new_person: NewPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = await pair(new_person)
    watch = Watch(ada, monkeypatch)
    transfer = await reach(P.TRANSFERRING, ada, bob, files[:2])
    ada.engine.standings[transfer] = Standing.CONNECTED
    await watch.seen(transfer)
    watch.now = 20.0
    assert (await ada.until(events.Waiting)).what == "taking"
    bob.people._transfers.pause(transfer, [1])
    await ada.until(events.WaitOver)
    for _ in range(3):
        watch.now += 100_000
        await watch.seen(transfer)
    assert sum(isinstance(event, events.Waiting) for event in ada.log) == 1


@pytest.mark.parametrize("end", [P.DECLINED, P.CANCELLED, P.DONE])
async def test_a_receiver_asks_for_what_is_over_once_more(
    files: list[Path], new_person: NewPerson, end: TransferPhase
) -> None:
    ada, bob = await pair(new_person)
    transfer = await ada.people.request(files[:1])
    await bob.until(events.FileRequest)
    with pytest.raises(errors.RequestGone):
        bob.people._transfers.ask_again(transfer)  # it is not over
    if end is P.CANCELLED:
        await ada.people.cancel(transfer)
    else:
        await bob.people.answer(transfer, [end is P.DONE])
    for person in (ada, bob):
        await person.until(events.TransferState, phase=end)
    await idle(ada, bob)
    bob.people._transfers.ask_again(transfer)
    for person, direction in ((ada, Direction.SEND), (bob, Direction.RECEIVE)):
        told = await person.until(events.SendAgain)
        assert (told.transfer, told.direction) == (transfer, direction)
    with pytest.raises(errors.RequestGone):
        ada.people._transfers.ask_again(transfer)  # it is theirs to ask


async def test_only_what_was_sent_and_is_over_can_be_wanted_again(
    relay: RunningRelay, new_person: NewPerson, links: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "PAUSES", (2, 0.0001))
    ada, eve = await hostile_partner(new_person, links, relay.url)
    offered = [OfferedFile(path="f", size=1)]
    await eve.tell(words.FileRequest(id=ID, files=offered))
    await eve.tell(words.Cancel(id=ID))
    for strange in (ID, "ab" * 8):
        await eve.tell(words.SendAgain(id=strange))
    await eve.tell(words.Message(text="done"))
    await ada.until(events.Message)
    assert not [event for event in ada.log if isinstance(event, events.SendAgain)]


async def test_what_is_wanted_again_without_end_is_not_heard(
    relay: RunningRelay,
    files: list[Path],
    new_person: NewPerson,
    links: Links,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transfers, "PAUSES", (2, 0.0001))
    ada, eve = await hostile_partner(new_person, links, relay.url)
    mine = await ada.people.request(files[:1])
    await ada.people.cancel(mine)
    for _ in range(9):
        await eve.tell(words.SendAgain(id=mine))
    await eve.tell(words.Message(text="done"))
    await ada.until(events.Message)
    assert sum(isinstance(event, events.SendAgain) for event in ada.log) == 2
