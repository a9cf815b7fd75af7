"""What a tracker, and whoever reads along or joins at one, can do to a private swarm: nothing.

Real engines, real WebSockets, real WebRTC. The tracker keeps to the protocol but for its trick; it
sees every frame and knows the rendezvous id. It never has the swarm key.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import json
import os
import random
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from filesend_tui.core import events as e
from filesend_tui.core.config import ClientConfig, RoadChoice
from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.events import TransferPhase
from filesend_tui.core.meeting.rendezvous import Rendezvous
from filesend_tui.core.meeting.signaling import SealedSignaling, Texts, Use
from filesend_tui.core.meeting.timings import Timings
from filesend_tui.core.meeting.transport_race import TransportRace
from filesend_tui.core.torrent import torrent as torrent_module
from filesend_tui.core.torrent.swarm import PEER_ID_HEAD
from filesend_tui.core.transports.base import no_relay
from filesend_tui.core.transports.webrtc.transport import WebRtcTransport
from relay.protocol.tracker_json import AnswerFrame, OfferFrame
from relay.server import RelayServer, listen
from relay.stores.base import Delivery
from tests.conftest import RunningRelay
from tests.core.test_client import Person
from tests.security.rogue import RogueTracker, Trick, honest, rogue_tracker
from tests.torrent.lab import Node
from tests.transports.pairs import CONFIG, soon

pytestmark = pytest.mark.webrtc

CONTENT = random.Random(5).randbytes(700_000)
NAME = "secret-plans.bin"
#: The figures of people who wait for nothing, so that a second try comes within the test.
HASTY = Timings(
    min_interval=0.3, first_retry=0.1, max_retry=0.3, spacing=0.2, repeat=0.3, connect=4.0
)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torrent_module, "Rendezvous", partial(Rendezvous, timings=HASTY))


class Taken(list[str]):
    """The SDP of every description of another that was given to the roads, and who made any."""

    def __init__(self) -> None:
        super().__init__()
        self.made: set[str] = set()

    @property
    def foreign(self) -> list[str]:
        """Those that none of the engines in this process made."""
        return [sdp for sdp in self if sdp not in self.made]


@pytest.fixture
def taken_up(monkeypatch: pytest.MonkeyPatch) -> Taken:
    taken = Taken()
    offer, answer, accept = TransportRace.offer, TransportRace.answer, TransportRace.accept

    async def offering(*args: Any) -> TransportRace:
        race = await offer(*args)
        taken.made.add(race.texts["webrtc"])
        return race

    async def answering(offer: Texts, *args: Any) -> TransportRace:
        taken.append(offer["webrtc"])
        race = await answer(offer, *args)
        taken.made.add(race.texts["webrtc"])
        return race

    async def accepting(self: TransportRace, answer: Texts) -> None:
        taken.append(answer["webrtc"])
        await accept(self, answer)

    monkeypatch.setattr(TransportRace, "offer", offering)
    monkeypatch.setattr(TransportRace, "answer", answering)
    monkeypatch.setattr(TransportRace, "accept", accepting)
    return taken


@dataclass
class Transfer:
    """One private swarm: who sends, who receives, and its key."""

    folder: Path
    road: RoadChoice = RoadChoice.AUTO
    upload_limit: int | None = None
    content: bytes = field(default=CONTENT, repr=False)
    key: bytes = field(default_factory=lambda: os.urandom(32), repr=False)
    seeder: Node = field(init=False)
    receiver: Node = field(init=False)
    torrent: str = ""

    async def __aenter__(self) -> Transfer:
        config = ClientConfig(output=self.folder, road=self.road, upload_limit=self.upload_limit)
        self.seeder = await Node(config).__aenter__()
        self.receiver = await Node(config).__aenter__()
        return self

    async def begin_again(self) -> None:
        """Have the receiver's process end in mid-transfer, and another one go on."""
        await self.receiver.__aexit__(None, None, None)
        config = ClientConfig(output=self.folder, road=self.road)
        self.receiver = await Node(config).__aenter__()
        await self.add()

    async def part(self) -> None:
        """Have the connection between the two break."""
        for peer in self.receiver.engine._torrents[self.torrent]._swarm._roster:
            await peer.channel.close()

    async def __aexit__(self, *_: object) -> None:
        await self.receiver.__aexit__(None, None, None)
        await self.seeder.__aexit__(None, None, None)

    async def seed(self, *trackers: str, private: bool = True) -> None:
        (self.folder / NAME).write_bytes(self.content)
        self.torrent = await soon(
            self.seeder.engine.seed(
                [self.folder / NAME],
                trackers=trackers,
                transfer=os.urandom(8).hex(),
                swarm_key=self.key if private else None,
            )
        )

    @property
    def magnet(self) -> str:
        return self.seeder.engine.magnet(self.torrent)

    async def add(self, *, private: bool = True) -> None:
        await self.receiver.engine.add(
            self.magnet,
            folder=self.folder / "out",
            swarm_key=self.key if private else None,
            keep=True,
        )

    async def arrives(self, seconds: float = 45) -> None:
        path = await soon(self.receiver.engine.wait_done(self.torrent), seconds)
        assert path is not None
        assert path.read_bytes() == self.content


class Recorder:
    """An ASGI application, and all that went in and out of it as text."""

    def __init__(self, app: Any, carried: list[str]) -> None:
        self._app = app
        self._carried = carried

    def _note(self, message: dict[str, Any]) -> None:
        for part in ("text", "bytes", "body"):
            content = message.get(part) or ""
            self._carried.append(content if isinstance(content, str) else content.decode("latin-1"))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._carried.append(repr(scope.get("query_string")))

        async def receiving() -> Any:
            message = await receive()
            self._note(message)
            return message

        async def sending(message: Any) -> None:
            self._note(message)
            await send(message)

        await self._app(scope, receiving, sending)


@contextmanager
def recording_relay() -> Iterator[tuple[str, list[str]]]:
    """A real relay that keeps everything it carries."""
    carried: list[str] = []
    ready = threading.Event()
    with listen("127.0.0.1", 0) as listener:
        server = RelayServer(listener, on_ready=lambda _url: ready.set())
        server.config.app = Recorder(server.config.app, carried)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        assert ready.wait(10)
        try:
            yield server.url, carried
        finally:
            server.should_exit = True
            thread.join(10)


# --- what can be read -------------------------------------------------------------------------


def given_away(seen: str, torrent: str, key: bytes) -> set[str]:
    """Name what of a transfer a text gives away, however it is written."""
    raw = bytes.fromhex(torrent)
    latin = raw.decode("latin-1")
    finds = {
        "infohash": [
            torrent,
            torrent.upper(),
            latin,
            json.dumps(latin)[1:-1],
            msgspec.json.encode(latin).decode()[1:-1],
            base64.b32encode(raw).decode(),
            base64.b64encode(raw).decode(),
            quote(raw),
        ],
        "key": [
            key.hex(),
            key.decode("latin-1"),
            base64.b64encode(key).decode(),
        ],
        "name": [NAME],
        "candidate": ["candidate", "typ host"],
        "fingerprint": ["fingerprint", "sha-256"],
        "ice password": ["ice-pwd", "ice-ufrag"],
    }
    found = {what for what, texts in finds.items() if any(text in seen for text in texts)}
    for address in re.findall(r"\d{1,3}(?:\.\d{1,3}){3}", seen):
        if not ipaddress.ip_address(address).is_unspecified:
            found.add("address")
    return found


async def test_a_tracker_that_reads_everything_learns_no_infohash_address_or_fingerprint(
    tmp_path: Path,
) -> None:
    async with rogue_tracker() as rogue, Transfer(tmp_path) as transfer:
        await transfer.seed(rogue.url)
        await transfer.add()
        await transfer.arrives()
        private = list(rogue.seen)
    assert rogue.offers_made() >= 2
    assert rogue.answers
    assert given_away("\n".join(private), transfer.torrent, transfer.key) == set()
    # The ids of both are new in each torrent.
    ids = {announce.peer_id for _, announce in rogue.announces}
    assert len(ids) == 2
    # Every sealed description is as long as any other.
    assert len({len(text) for text in re.findall(r'"sdp":"([^"]*)"', "\n".join(private))}) == 1


async def test_an_open_swarm_gives_all_that_away(tmp_path: Path) -> None:
    """So the test above would notice."""
    async with rogue_tracker() as rogue, Transfer(tmp_path) as transfer:
        await transfer.seed(rogue.url, private=False)
        await transfer.add(private=False)
        await transfer.arrives()
        found = given_away("\n".join(rogue.seen), transfer.torrent, transfer.key)
    assert found == {"infohash", "candidate", "fingerprint", "ice password", "address"}


async def test_a_relay_that_keeps_all_it_carries_learns_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two clients from code to done: socket.io, tracker and all."""
    keys: list[bytes] = []

    def noting(info_hash: bytes, key: bytes) -> SealedSignaling:
        keys.append(key)
        return SealedSignaling(info_hash, key)

    monkeypatch.setattr(torrent_module, "SealedSignaling", noting)
    (tmp_path / NAME).write_bytes(CONTENT)
    with recording_relay() as (url, carried):
        ada, bob = Person("Ada", tmp_path / "ada"), Person("Bob", tmp_path / "bob")
        try:
            for person in (ada, bob):
                await person.client.connect(url)
            await bob.client.join(await ada.client.create_code())
            await ada.until(lambda: ada.of(e.Paired))
            transfer = await ada.client.request([tmp_path / NAME])
            await bob.asked()
            await bob.client.answer(transfer, [True])
            assert await bob.ended(transfer) is await ada.ended(transfer) is TransferPhase.DONE
        finally:
            for person in (ada, bob):
                await person.client.destroy()
    assert (tmp_path / "bob" / NAME).read_bytes() == CONTENT
    (torrent,) = {event.torrent for event in ada.of(e.TorrentDestroyed)}
    assert len(set(keys)) == 1
    seen = "\n".join(carried)
    # The one address is the relay's own, in the requests that open its sockets.
    seen = seen.replace("127.0.0.1", "")
    assert "fileReady" in seen
    assert '"action":"announce"' in seen
    assert given_away(seen, torrent, keys[0]) == set()


async def test_the_same_two_people_and_file_look_new_each_time(tmp_path: Path) -> None:
    swarms, peers = set(), set()
    async with rogue_tracker() as rogue, Transfer(tmp_path) as transfer:
        for _ in range(2):
            transfer.key = os.urandom(32)
            await transfer.seed(rogue.url)
            await transfer.seeder.engine.remove(transfer.torrent)
        for _, announce in rogue.announces:
            swarms.add(announce.info_hash)
            peers.add(announce.peer_id)
    assert len(swarms) == 2
    assert len(peers) == 2


# --- what can be changed ----------------------------------------------------------------------


def only_first(count: int, trick: Trick) -> Trick:
    """Play a trick on so many offers and answers, and be honest from then on."""
    left = [count]

    def some(rogue: RogueTracker, due: Delivery) -> Iterable[Delivery]:
        if not isinstance(due.frame, OfferFrame | AnswerFrame) or left[0] <= 0:
            return honest(rogue, due)
        left[0] -= 1
        return trick(rogue, due)

    return some


def sdp_of(frame: object) -> str:
    assert isinstance(frame, OfferFrame | AnswerFrame)
    return (frame.offer if isinstance(frame, OfferFrame) else frame.answer)["sdp"]


def with_sdp(due: Delivery, sdp: str) -> Delivery:
    match due.frame:
        case OfferFrame() as frame:
            offer = {"type": "offer", "sdp": sdp}
            return Delivery(due.to, msgspec.structs.replace(frame, offer=offer))
        case AnswerFrame() as frame:
            answer = {"type": "answer", "sdp": sdp}
            return Delivery(due.to, msgspec.structs.replace(frame, answer=answer))
        case frame:
            raise AssertionError(frame)


def alters_a_byte(_: RogueTracker, due: Delivery) -> Iterator[Delivery]:
    raw = bytearray(base64.b64decode(sdp_of(due.frame)))
    raw[random.randrange(len(raw))] ^= 1 << random.randrange(8)
    yield with_sdp(due, base64.b64encode(raw).decode())


def swaps_for_another_of_the_same_peer(rogue: RogueTracker, due: Delivery) -> Iterator[Delivery]:
    """The SDP of another offer of the same announce, under this one's id."""
    for _, announce in rogue.announces:
        for offer in announce.offers:
            if offer.offer["sdp"] != sdp_of(due.frame):
                yield with_sdp(due, offer.offer["sdp"])
                return


def says_it_comes_from_another(_: RogueTracker, due: Delivery) -> Iterator[Delivery]:
    yield Delivery(due.to, msgspec.structs.replace(due.frame, peer_id=os.urandom(20)))


def says_it_is_another_offer(_: RogueTracker, due: Delivery) -> Iterator[Delivery]:
    yield Delivery(due.to, msgspec.structs.replace(due.frame, offer_id=os.urandom(20)))


def reflects(rogue: RogueTracker, due: Delivery) -> Iterator[Delivery]:
    """Give everybody their own offers back: as an offer, and as the answer to it."""
    assert isinstance(due.frame, OfferFrame | AnswerFrame)
    for key, announce in rogue.announces:
        for each in announce.offers:
            for peer_id in (announce.peer_id, os.urandom(20), due.frame.peer_id):
                yield Delivery(
                    key,
                    OfferFrame(
                        info_hash=announce.info_hash,
                        peer_id=peer_id,
                        offer_id=each.offer_id,
                        offer=each.offer,
                    ),
                )
                yield Delivery(
                    key,
                    AnswerFrame(
                        info_hash=announce.info_hash,
                        peer_id=peer_id,
                        offer_id=each.offer_id,
                        answer={"type": "answer", "sdp": each.offer["sdp"]},
                    ),
                )


def floods(rogue: RogueTracker, due: Delivery) -> Iterator[Delivery]:
    """Sealed to look at, of any length, from the true peer and from nobody."""
    assert isinstance(due.frame, OfferFrame | AnswerFrame)
    info_hash = due.frame.info_hash
    own = [each.offer_id for _, announce in rogue.announces for each in announce.offers]
    for n in range(1500):
        text = base64.b64encode(os.urandom(2048 * (n % 13))).decode()
        peer_id = due.frame.peer_id if n % 2 else os.urandom(20)
        yield Delivery(
            due.to,
            OfferFrame(
                info_hash=info_hash,
                peer_id=peer_id,
                offer_id=os.urandom(20),
                offer={"type": "offer", "sdp": text[: 32 * 1024]},
            ),
        )
        yield Delivery(
            due.to,
            AnswerFrame(
                info_hash=info_hash,
                peer_id=peer_id,
                offer_id=own[n % len(own)],
                answer={"type": "answer", "sdp": text[: 32 * 1024]},
            ),
        )


def opened_by_a_member(rogue: RogueTracker, transfer: Transfer, sealed: set[str]) -> set[str]:
    """Return what stands in those of the sealed texts that a member made."""
    signaling = SealedSignaling(bytes.fromhex(transfer.torrent), transfer.key)
    found = set()
    for _, announce in rogue.announces:
        for each in announce.offers:
            if each.offer["sdp"] in sealed:
                use = Use(each.offer_id, announce.peer_id)
                found.add(signaling.open(each.offer, use)["webrtc"])
    for _, answer in rogue.answers:
        if answer.answer["sdp"] in sealed:
            use = Use(answer.offer_id, answer.to_peer_id, answer.peer_id)
            found.add(signaling.open(answer.answer, use)["webrtc"])
    return found


CHANGES: list[Trick] = [
    alters_a_byte,
    swaps_for_another_of_the_same_peer,
    says_it_comes_from_another,
    says_it_is_another_offer,
    reflects,
    floods,
]


@pytest.mark.parametrize("road", [RoadChoice.AUTO, RoadChoice.WEBRTC])
@pytest.mark.parametrize("trick", CHANGES)
async def test_what_a_tracker_makes_or_changes_is_dropped_and_costs_no_more_than_that(
    trick: Trick, road: RoadChoice, tmp_path: Path, taken_up: Taken
) -> None:
    async with rogue_tracker() as rogue, Transfer(tmp_path, road) as transfer:
        tricked: list[Delivery] = []

        def noting(rogue: RogueTracker, due: Delivery) -> Iterator[Delivery]:
            for sent in trick(rogue, due):
                tricked.append(sent)
                yield sent

        rogue.trick = only_first(3, noting)
        await transfer.seed(rogue.url)
        await transfer.add()
        await rogue.until(lambda: len(tricked) >= 3)
        # The next offer is passed on as it is, and the transfer comes.
        await transfer.arrives()
    assert taken_up
    assert taken_up.foreign == [], "nothing of the tracker's making was looked at"
    assert len(taken_up) == len(set(taken_up)), "and nothing twice"
    played_with = opened_by_a_member(rogue, transfer, {sdp_of(sent.frame) for sent in tricked})
    assert not played_with & set(taken_up), "nor what is true and was said to be something else"
    for node in (transfer.seeder, transfer.receiver):
        assert node.of(e.Error) == []
        assert node.of(e.PeerDropped) == [] or {d.reason for d in node.of(e.PeerDropped)} <= {
            "closed",
            "bothComplete",
            "duplicate",
        }


async def test_a_tracker_puts_itself_between_nobody(tmp_path: Path, taken_up: Taken) -> None:
    """Its own offers and answers, made as any WebTorrent peer would, are looked at by nobody."""
    own = await WebRtcTransport(CONFIG).offer(no_relay)

    def instead(_: RogueTracker, due: Delivery) -> Iterator[Delivery]:
        yield with_sdp(due, own.text)

    try:
        async with rogue_tracker(only_first(4, instead)) as rogue, Transfer(tmp_path) as transfer:
            await transfer.seed(rogue.url)
            await transfer.add()
            await transfer.arrives()
    finally:
        await own.close()
    assert own.text not in taken_up
    assert taken_up.foreign == []


async def test_what_was_said_once_is_good_for_nothing_again(
    tmp_path: Path, taken_up: Taken
) -> None:
    """Every offer and answer comes three times, in this session and after the peers have parted."""
    old: list[Delivery] = []

    def repeats(_: RogueTracker, due: Delivery) -> Iterator[Delivery]:
        yield from (due, due, due)
        if isinstance(due.frame, OfferFrame | AnswerFrame):
            old.append(due)

    async with rogue_tracker(repeats) as rogue, Transfer(tmp_path) as transfer:
        await transfer.seed(rogue.url)
        await transfer.add()
        await transfer.arrives()
        await transfer.receiver.engine.remove(transfer.torrent)
        await transfer.seeder.until(lambda: transfer.seeder.of(e.PeerDropped))
        count, heard = len(taken_up), len(rogue.announces)
        for _ in range(3):
            await rogue.send(old)
        # It has read them all once it announces again.
        await rogue.until(lambda: len(rogue.announces) >= heard + 2)
        assert len(taken_up) == count


async def test_one_swarms_offers_are_worth_nothing_in_another(
    tmp_path: Path, taken_up: Taken
) -> None:
    """The same two people and the same file, at the same time, in two swarms."""
    crossed: list[Delivery] = []
    swarms: list[bytes] = []

    def crosses(_: RogueTracker, due: Delivery) -> Iterator[Delivery]:
        info_hash = getattr(due.frame, "info_hash", None)
        if isinstance(info_hash, bytes) and info_hash not in swarms:
            swarms.append(info_hash)
        if isinstance(due.frame, OfferFrame | AnswerFrame) and len(crossed) < 6 and len(swarms) > 1:
            other = next(swarm for swarm in swarms if swarm != due.frame.info_hash)
            crossed.append(Delivery(due.to, msgspec.structs.replace(due.frame, info_hash=other)))
            # Everybody is told: one of them is in the other swarm.
            yield from (Delivery(str(key), crossed[-1].frame) for key in range(4))
        else:
            yield due

    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    async with (
        rogue_tracker(crosses) as rogue,
        Transfer(tmp_path / "one") as one,
        Transfer(tmp_path / "two") as two,
    ):
        await asyncio.gather(one.seed(rogue.url), two.seed(rogue.url))
        await asyncio.gather(one.add(), two.add())
        await asyncio.gather(one.arrives(), two.arrives())
    assert len(crossed) == 6
    assert len(taken_up) == len(set(taken_up))


# --- the way back -----------------------------------------------------------------------------


class Past(list[Delivery]):
    """The offers and answers of before two people lost each other, for a tracker to play with."""

    def replays(self, _: RogueTracker, due: Delivery) -> Iterator[Delivery]:
        """Pass on all that was said before, in place of what is said now."""
        yield from (Delivery(due.to, old.frame) for old in self)

    def swaps(self, _: RogueTracker, due: Delivery) -> Iterator[Delivery]:
        """Put what was said before under the ids of now, and the other way about."""
        for old in self:
            if type(old.frame) is type(due.frame):
                yield with_sdp(due, sdp_of(old.frame))
                yield Delivery(due.to, with_sdp(old, sdp_of(due.frame)).frame)

    def withholds(self, _rogue: RogueTracker, _due: Delivery) -> Iterator[Delivery]:
        """Pass on nothing."""
        yield from ()


@pytest.mark.parametrize("lost", ["the connection", "the receiver's process"])
@pytest.mark.parametrize("road", [RoadChoice.AUTO, RoadChoice.WEBRTC])
@pytest.mark.parametrize("trick", ["replays", "swaps", "withholds"])
async def test_on_the_way_back_a_tracker_gains_nothing_by_what_was_said_before(
    trick: str, road: RoadChoice, lost: str, tmp_path: Path, taken_up: Taken
) -> None:
    past = Past()

    def keeps(_: RogueTracker, due: Delivery) -> Iterator[Delivery]:
        if isinstance(due.frame, OfferFrame | AnswerFrame):
            past.append(due)
        yield due

    async with (
        rogue_tracker(keeps) as rogue,
        Transfer(tmp_path, road, 2_000_000, random.Random(7).randbytes(6_000_000)) as transfer,
    ):
        await transfer.seed(rogue.url)
        await transfer.add()
        before = transfer.receiver
        await before.until(lambda: [d for d in before.of(e.Download) if d.progress > 0.2])
        assert not before.of(e.DownloadComplete)
        tricked: list[Delivery] = []

        def noting(rogue: RogueTracker, due: Delivery) -> Iterator[Delivery]:
            tricked.append(due)
            yield from getattr(past, trick)(rogue, due)

        said = set(taken_up)
        rogue.trick = only_first(4, noting)
        rogue.abort()  # both come back to it
        if lost == "the connection":
            await transfer.part()
        else:
            await transfer.begin_again()
        await rogue.until(lambda: len(tricked) >= 4, 60)
        await transfer.arrives()
        for node in (transfer.seeder, transfer.receiver):
            assert node.of(e.Error) == []
            faults = {dropped.reason for dropped in node.of(e.PeerDropped)}
            assert faults <= {"closed", "channelFailed", "bothComplete", "duplicate", "replaced"}
    assert taken_up.foreign == [], "nothing of the tracker's making was looked at"
    if trick != "replays" or lost == "the connection":
        # Who begins anew may answer an old offer, in vain: its maker waits for no answer any more.
        assert len(taken_up) == len(set(taken_up)), "and nothing twice"
    assert set(taken_up) - said, "they met by what is new"


# --- who can come in --------------------------------------------------------------------------


class WithRendezvous(SealedSignaling):
    """A stranger that found out where a private swarm meets, and guesses a key."""

    def __init__(self, info_hash: bytes, swarm_key: bytes, rendezvous: bytes) -> None:
        super().__init__(info_hash, swarm_key)
        self._rendezvous = rendezvous


@pytest.mark.parametrize("knows", ["the rendezvous id", "the infohash too, and guesses a key"])
async def test_a_stranger_without_the_key_gets_no_connection(
    knows: str,
    tmp_path: Path,
    taken_up: Taken,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with (
        rogue_tracker() as rogue,
        Transfer(tmp_path) as transfer,
        Node(ClientConfig(output=tmp_path)) as stranger,
    ):
        await transfer.seed(rogue.url)
        rendezvous = rogue.announces[0][1].info_hash
        if knows == "the rendezvous id":
            magnet = f"magnet:?xt=urn:btih:{rendezvous.hex()}"
            await stranger.engine.add(magnet, folder=tmp_path / "theft", trackers=[rogue.url])
        else:
            monkeypatch.setattr(
                torrent_module,
                "SealedSignaling",
                lambda info_hash, key: WithRendezvous(info_hash, key, rendezvous),
            )
            await stranger.engine.add(
                transfer.magnet, folder=tmp_path / "theft", swarm_key=os.urandom(32)
            )

        def between(sender: bool) -> int:
            """How many of its offers the stranger had passed on, or was given."""
            (id_,) = {a.peer_id for _, a in rogue.announces} - {rogue.announces[0][1].peer_id}
            return sum(
                isinstance(due.frame, OfferFrame) and (due.frame.peer_id == id_) == sender
                for due in rogue.passed
            )

        # It makes itself known again and again, and is given offers of the seeder's.
        await rogue.until(lambda: len(rogue.announces) > 1 and between(sender=True) >= 3)
        await rogue.until(lambda: between(sender=False) >= 1)
        if knows == "the rendezvous id":
            # Sealed text is no SDP, to whoever takes it for one.
            assert taken_up.foreign == taken_up[:]
        else:
            assert taken_up == []
        assert transfer.seeder.of(e.PeerConnected) == stranger.of(e.PeerConnected) == []
        # And it is in nobody's way.
        monkeypatch.undo()
        monkeypatch.setattr(torrent_module, "Rendezvous", partial(Rendezvous, timings=HASTY))
        await transfer.add()
        await transfer.arrives()
        assert len(transfer.seeder.of(e.PeerConnected)) == 1
        assert stranger.of(e.PeerConnected) == []


# --- what can be kept from whom -----------------------------------------------------------------


def keeps_answers(_: RogueTracker, due: Delivery) -> Iterator[Delivery]:
    if not isinstance(due.frame, AnswerFrame):
        yield due


def keeps_everything(_: RogueTracker, due: Delivery) -> Iterator[Delivery]:
    if not isinstance(due.frame, OfferFrame | AnswerFrame):
        yield due


@pytest.mark.parametrize("trick", [keeps_answers, keeps_everything])
@pytest.mark.parametrize("seeder_is", ["lower", "higher"])
async def test_an_honest_tracker_beside_a_rogue_one_is_enough(
    trick: Trick,
    seeder_is: str,
    relay: RunningRelay,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Which of two connections stays hangs on whose peer id is lower."""
    ids = [PEER_ID_HEAD + bytes([n]) + os.urandom(11) for n in (1, 2)]
    order = iter(ids if seeder_is == "lower" else ids[::-1])
    monkeypatch.setattr(torrent_module, "make_peer_id", lambda: next(order))
    async with rogue_tracker(trick) as rogue, Transfer(tmp_path) as transfer:
        await transfer.seed(rogue.url, relay.tracker)
        await transfer.add()
        await transfer.arrives()
        assert rogue.offers_made() > 0


# --- the certificates of a connection -----------------------------------------------------------


def false_fingerprint(sdp: str) -> str:
    false = re.sub(
        r"(a=fingerprint:sha-\d+ )(..)", lambda m: m[1] + ("00" if m[2] != "00" else "01"), sdp
    )
    assert false != sdp
    return false


@pytest.mark.parametrize("who", ["offerer", "answerer"])
@pytest.mark.parametrize("answerer_is", ["client", "server"])
async def test_whoever_shows_another_certificate_than_was_sealed_gets_no_channel(
    who: str, answerer_is: str
) -> None:
    """who: which side was told another fingerprint, and so has to refuse the certificate."""
    await WebRtcTransport(ClientConfig()).warm()
    offerer = await WebRtcTransport(CONFIG).offer(no_relay)
    offer = offerer.text
    if answerer_is == "server":
        offer = offer.replace("a=setup:actpass", "a=setup:active")
    answerer = await WebRtcTransport(CONFIG).answer(
        false_fingerprint(offer) if who == "answerer" else offer, no_relay
    )
    role = "active" if answerer_is == "client" else "passive"
    assert f"a=setup:{role}" in answerer.text
    answer = answerer.text
    with suppress(ChannelFailed):  # libdatachannel may be refused before it has looked at it all
        await offerer.accept(false_fingerprint(answer) if who == "offerer" else answer)
    refusing, other = (offerer, answerer) if who == "offerer" else (answerer, offerer)
    with pytest.raises(ChannelFailed):
        await refusing.opened(5)
    with pytest.raises(ChannelFailed):
        await other.opened(1)


@pytest.mark.parametrize("answerer_is", ["client", "server"])
async def test_with_the_certificates_that_were_sealed_it_opens(answerer_is: str) -> None:
    offerer = await WebRtcTransport(CONFIG).offer(no_relay)
    offer = offerer.text
    if answerer_is == "server":
        offer = offer.replace("a=setup:actpass", "a=setup:active")
    answerer = await WebRtcTransport(CONFIG).answer(offer, no_relay)
    await offerer.accept(answerer.text)
    ours, theirs = await soon(asyncio.gather(offerer.opened(), answerer.opened()))
    await soon(asyncio.gather(ours.close(), theirs.close()))
