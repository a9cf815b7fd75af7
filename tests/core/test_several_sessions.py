"""One client and several partners at a time, over one connection to a relay."""

from __future__ import annotations

import asyncio
import base64
import random
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.config import RoadChoice
from filesend_tui.core.errors import NotPaired, RequestGone, SeveralPartners
from filesend_tui.core.events import Direction, SessionId, TransferPhase
from tests.conftest import RunningRelay
from tests.core.test_client import Person
from tests.security.rogue_relay import Passing, RogueRelay, rogue_relay
from tests.torrent.lab import read_tree, write_tree

SMALL = random.Random(5).randbytes(300_000)
BIG = random.Random(6).randbytes(6_000_000)
#: Bytes a second by which nothing of BIG arrives while a test looks.
SLOW = 200_000


class Host(Person):
    """Somebody with several partners, each by the name they gave."""

    def __init__(self, output: Path, **config: Any) -> None:
        super().__init__("Ann", output, road=RoadChoice.DIRECT, **config)
        self.sessions: dict[str, SessionId] = {}

    async def met(self, name: str) -> None:
        (paired,) = await self.until(lambda: self.of(e.Paired, partner=name))
        self.sessions[name] = paired.session

    def told(self, name: str) -> list[Any]:
        """What it was told of somebody."""
        session = self.sessions[name]
        return [event for event in self.log if getattr(event, "session", None) == session]


async def say_yes(person: Person) -> None:
    """Say yes to everything."""
    async for event in person.client.subscribe():
        if isinstance(event, e.FileRequest) and event.direction is Direction.RECEIVE:
            await person.client.answer(event.transfer, [True] * len(event.files))


async def begun(ann: Host, transfer: str) -> None:
    """Wait until somebody takes what is sent to them."""
    transferring = TransferPhase.TRANSFERRING
    await ann.until(lambda: ann.of(e.TransferState, transfer=transfer, phase=transferring))


@asynccontextmanager
async def a_process(name: str, rogue: RogueRelay, folder: Path, code: str) -> AsyncIterator[Any]:
    """Somebody who can be killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.core.other_person",
        name,
        rogue.url,
        folder / name.lower(),
        folder / f"src/from {name}.bin",
        stdin=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(code.encode() + b"\n")
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_one_partner_is_killed_one_is_tampered_with_and_the_third_goes_on(
    tmp_path: Path,
) -> None:
    names = ("Bob", "Cid", "Dan")
    write_tree(tmp_path / "src", {f"from {name}.bin": SMALL for name in names})
    write_tree(tmp_path / "src", {f"for {name}.bin": BIG for name in names})
    ann, cid, dan = (
        Host(tmp_path / "ann", away_limit=1.0),
        *(Person(name, tmp_path / name.lower(), road=RoadChoice.DIRECT) for name in ("Cid", "Dan")),
    )
    answering = [asyncio.create_task(say_yes(person)) for person in (ann, cid, dan)]
    try:
        async with rogue_relay() as rogue:
            for person in (ann, cid, dan):
                await person.client.connect(rogue.url)
            code = await ann.client.create_code()
            async with a_process("Bob", rogue, tmp_path, code) as bob:
                await ann.met("Bob")
                for person in (cid, dan):
                    joined = await person.client.join(await ann.client.create_code())
                    (paired,) = await person.until(partial(person.of, e.Paired))
                    assert (paired.session, paired.partner) == (joined, "Ann")
                    await ann.met(person.name)
                # Four people are connected, once each, in three rooms.
                assert rogue._people.count == 4
                assert (await rogue._people._rooms.totals()).rooms == 3
                assert len(set(ann.sessions.values())) == 3

                ann.client.limit(upload=SLOW, download=None)
                sent = {
                    name: await ann.client.request([tmp_path / f"src/for {name}.bin"], to=session)
                    for name, session in ann.sessions.items()
                }
                for person in (cid, dan):
                    await person.client.request([tmp_path / f"src/from {person.name}.bin"])
                for transfer in sent.values():
                    await begun(ann, transfer)
                came = [request.transfer for request in ann.of(e.FileRequest, direction="receive")]
                assert len(came) == 3
                for transfer in came:
                    assert await ann.ended(transfer) is TransferPhase.DONE

                bob.kill()
                await ann.until(lambda: ann.of(e.PartnerGone))
                tamper(rogue)
                await cid.client.say("I never said that")
                await ann.until(lambda: len(ann.of(e.PartnerGone)) == 2)
                for name in ("Bob", "Cid"):
                    assert await ann.ended(sent[name]) is TransferPhase.FAILED

                ann.client.limit(upload=None, download=None)
                assert await ann.ended(sent["Dan"]) is TransferPhase.DONE
                assert await dan.ended(sent["Dan"]) is TransferPhase.DONE
                await ann.client.say("is that all?")  # the only one left
                await dan.until(lambda: dan.of(e.Message, text="is that all?"))
                await dan.client.say("that is all")
                await ann.until(lambda: ann.of(e.Message, text="that is all"))

                gone = {event.session: event.reason for event in ann.of(e.PartnerGone)}
                assert gone == {ann.sessions["Bob"]: "lost", ann.sessions["Cid"]: "broken"}
                tampered = {event.session for event in ann.of(e.Error, code="relayTampered")}
                assert tampered == {ann.sessions["Cid"]}
                assert not ann.of(e.Message, text="I never said that")
                assert not ann.of(e.Relay, state="lost")
                # Of Dan nothing was told but what went well.
                assert not [
                    each for each in ann.told("Dan") if isinstance(each, e.Error | e.PartnerGone)
                ]
    finally:
        for task in answering:
            task.cancel()
        await asyncio.gather(*(person.close() for person in (ann, cid, dan)))
    assert read_tree(tmp_path / "ann") == {f"from {name}.bin": SMALL for name in names}
    assert read_tree(tmp_path / "dan") == {"for Dan.bin": BIG}
    every_event_says_its_session(ann, sent)


def tamper(rogue: RogueRelay) -> None:
    """Have the relay change the next text that anybody says."""

    def trick(rogue: RogueRelay, due: Passing) -> Iterable[Passing]:
        if due.event != "message":
            yield due
            return
        rogue.trick = lambda _, due: (due,)
        body = bytearray(base64.b64decode(due.data["body"]))
        body[0] ^= 1
        yield due._replace(data={"body": base64.b64encode(body).decode()})

    rogue.trick = trick


def every_event_says_its_session(ann: Host, sent: dict[str, str]) -> None:
    """What is about a code, a partner or a transfer names the session; nothing else does."""
    nobodys = (e.Relay, e.RelayAway, e.RelayBack, e.Limits, e.ClientDestroyed)
    for event in ann.log:
        assert isinstance(event, nobodys) or getattr(event, "session", None) is not None, event
    for name, transfer in sent.items():
        about = [event for event in ann.log if getattr(event, "transfer", None) == transfer]
        assert {getattr(event, "session", None) for event in about} == {ann.sessions[name]}
        assert {e.FileRequest, e.TransferState, e.Hashing, e.Seeding} <= set(map(type, about))
    assert ann.of(e.Upload, transfer=sent["Dan"], session=ann.sessions["Dan"])
    for session in ann.sessions.values():
        kinds = [type(event) for event in ann.log if getattr(event, "session", None) == session]
        assert kinds[:3] == [e.Code, e.CodeClaimed, e.Paired]


@asynccontextmanager
async def three(relay: RunningRelay, folder: Path) -> AsyncIterator[tuple[Host, Person, Person]]:
    """Somebody, and two others who are connected and not paired yet."""
    ann = Host(folder / "ann")
    bob, cid = (Person(n, folder / n.lower(), road=RoadChoice.DIRECT) for n in ("Bob", "Cid"))
    try:
        for person in (ann, bob, cid):
            await person.client.connect(relay.url)
        yield ann, bob, cid
    finally:
        await asyncio.gather(*(person.close() for person in (ann, bob, cid)))


async def pair(ann: Host, other: Person) -> SessionId:
    await other.client.join(await ann.client.create_code())
    await ann.met(other.name)
    return ann.sessions[other.name]


async def test_who_is_meant_must_be_said(relay: RunningRelay, tmp_path: Path) -> None:
    write_tree(tmp_path, {"src/a.bin": b"a"})
    source = [tmp_path / "src/a.bin"]
    async with three(relay, tmp_path) as (ann, bob, cid):
        client = ann.client
        with pytest.raises(NotPaired):
            await client.say("hello?")
        with pytest.raises(NotPaired):
            client.verify()
        assert client.verification() is None
        await client.leave()

        first = await pair(ann, bob)
        await client.say("hello")  # the only one there is
        assert client.verify().session == first
        with pytest.raises(NotPaired):
            await client.say("hello", to=SessionId("0" * 16))

        second = await pair(ann, cid)
        for act in (client.verify, client.verification):
            with pytest.raises(SeveralPartners) as unclear:
                act()
        assert unclear.value.hint
        for doing in (client.say("hello?"), client.request(source), client.leave()):
            with pytest.raises(SeveralPartners):
                await doing
        assert not ann.of(e.FileRequest)
        assert client.verification(first) == bob.client.verification() is not None
        assert client.verify(second).partner == "Cid"
        await client.say("for Cid", to=second)
        await cid.until(lambda: cid.of(e.Message, text="for Cid"))
        assert [event.text for event in bob.of(e.Message)] == ["hello"]

        await client.leave(first)
        await bob.until(lambda: bob.of(e.PartnerGone, reason="left"))
        await client.leave(first)  # not being paired is no error
        with pytest.raises(NotPaired):
            await client.request(source, to=first)
        await client.say("you are the only one")
        await cid.until(lambda: cid.of(e.Message, text="you are the only one"))


async def test_an_answer_finds_whose_request_it_is(relay: RunningRelay, tmp_path: Path) -> None:
    write_tree(tmp_path, {f"src/{name}": name.encode() for name in ("Bob", "Cid", "mine")})
    async with three(relay, tmp_path) as (ann, bob, cid):
        asked = {}
        for person in (bob, cid):
            await pair(ann, person)
            asked[person] = await person.client.request([tmp_path / "src" / person.name])
            await ann.until(partial(ann.of, e.FileRequest, transfer=asked[person]))
        await ann.client.answer(asked[cid], [True])
        await ann.client.answer(asked[bob], [False], reason="not that one")
        assert await cid.ended(asked[cid]) is TransferPhase.DONE
        assert await bob.ended(asked[bob]) is TransferPhase.DECLINED
        for person in (bob, cid):  # the same file to both, and each is another transfer
            session = ann.sessions[person.name]
            sent = await ann.client.request([tmp_path / "src/mine"], to=session)
            await person.until(partial(person.of, e.FileRequest, transfer=sent))
            await ann.client.cancel(sent)
            assert await person.ended(sent) is TransferPhase.CANCELLED
        await ann.client.cancel("0" * 16)
        with pytest.raises(RequestGone):
            await ann.client.answer("0" * 16, [True])
    assert read_tree(tmp_path / "ann") == {"Cid": b"Cid"}


async def test_partners_are_met_while_others_are_there(relay: RunningRelay, tmp_path: Path) -> None:
    """By a code of one's own and by another's, and one failure costs nobody else anything."""
    async with three(relay, tmp_path) as (ann, bob, cid):
        by_own = await pair(ann, bob)
        by_theirs = await ann.client.join(await cid.client.create_code())
        assert by_own != by_theirs
        code = await ann.client.create_code()
        words = code.split("-")
        with pytest.raises(Exception, match="did not match"):
            await cid.client.join("-".join((words[0], words[2], words[1])))
        (burned,) = await ann.until(lambda: ann.of(e.CodeGone))
        assert burned.reason == "burned"
        assert burned.session not in {by_own, by_theirs}
        assert ann.of(e.Error, code="wrongCode", session=burned.session)
        for session, person in ((by_own, bob), (by_theirs, cid)):
            await ann.client.say("still there?", to=session)
            await person.until(partial(person.of, e.Message, text="still there?"))
