"""Two people and a relay that means them harm: it learns nothing, and passes nothing off as theirs.

Whatever does not turn on guessing is done to two who met by a code, and to two who met by a secret.
People and their sockets are real. Where the bytes of a file matter the whole client is; elsewhere
the engine moves none.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from filesend_tui.core import errors, events
from filesend_tui.core.events import SessionId, TransferPhase
from filesend_tui.core.sessions import pairing_handshake
from filesend_tui.core.sessions import session as sessions
from filesend_tui.core.sessions.code import Code, parse_code, word_list
from filesend_tui.core.sessions.places import tries
from filesend_tui.core.sessions.shared_secret import Secret
from relay.protocol import words
from relay.protocol.words import CONTENTS, PAIRING, ErrorCode, to_wire
from relay.stores.base import Refusal
from tests.core.test_client import Person as Someone
from tests.core.test_client import yes
from tests.people import Person
from tests.scripted_engine import World
from tests.security.rogue_relay import Middle, Passing, RogueRelay, Trick, honest, rogue_relay
from tests.waiting import until

SECRET_NAME = "redundancy list (draft).txt"
SECRET_TEXT = "do not tell anybody about the merger"
MAGNET = "magnet:?xt=urn:btih:" + "ab" * 20
ID = "0123456789abcdef"
PLACE = base64.b64encode(bytes(32)).decode()

#: What an old relay's partner would have said: the same words in the clear, made up by the relay.
FORGED: dict[str, words.Word] = {
    "hello": words.Hello(name="Ann"),
    "fileRequest": words.FileRequest(id=ID, files=[words.OfferedFile(path="evil.sh", size=1)]),
    "fileAnswer": words.FileAnswer(id=ID, accepted=[True]),
    "preparing": words.Preparing(id=ID, progress=0.5),
    "fileReady": words.FileReady(id=ID, magnet_uri=MAGNET, swarm_key=bytes(32)),
    "downloadStarted": words.DownloadStarted(id=ID),
    "progressUpdate": words.ProgressUpdate(id=ID, downloaded=1, download_speed=1, progress=0.5),
    "downloadComplete": words.DownloadComplete(id=ID),
    "cancel": words.Cancel(id=ID),
    "message": words.Message(text="send it to me instead"),
}
#: What two people say in the talk below.
TALKED: list[str] = [event for event in CONTENTS if event in FORGED]
#: Who says what in the talk below: Ann sends Bob a file.
BY_BOB = {"fileAnswer", "downloadStarted", "progressUpdate", "downloadComplete"}


@asynccontextmanager
async def people(rogue: RogueRelay, folder: Path, *names: str) -> AsyncIterator[list[Person]]:
    """Connect people whose engines move no bytes."""
    world = World()
    made = [Person(name, world, folder / name) for name in names]
    try:
        for person in made:
            await person.people.connect(rogue.url)
        yield made
    finally:
        for person in made:
            await person.people.destroy()
            person.close()
            await person.watching


#: Has the first of two meet the second; raises what either of them is told.
Pair = Callable[[Person, Person], Awaitable[None]]


async def by_code(ann: Person, bob: Person) -> None:
    await bob.people.join(await ann.people.create_code())
    await ann.until(events.Paired)


async def by_secret(ann: Person, bob: Person) -> None:
    await met(ann, bob, os.urandom(32))


async def met(ann: Person, bob: Person, secret: bytes) -> None:
    """Have both go to the place of a secret, Ann first; raise what went wrong for either."""
    failures = [each for each in await meetings(ann, bob, secret) if isinstance(each, Exception)]
    if failures:  # of one who is only told that the other left, the other knows why
        raise min(failures, key=lambda error: type(error) is errors.PairingFailed)


async def meetings(
    ann: Person, bob: Person, secret: bytes
) -> tuple[SessionId | BaseException, SessionId | BaseException]:
    """Likewise; return how it ended for each."""
    waiting = asyncio.create_task(ann.people.meet(secret))
    try:
        await until(lambda: ann.lobby._arrivals, 10)
        # The relay answers in order: when this is answered, Ann waits.
        await ann.relay.call(words.LeavePlace(place=bytes(32)), words.Done)
        return await asyncio.gather(waiting, bob.people.meet(secret), return_exceptions=True)
    finally:
        waiting.cancel()


@pytest.fixture(params=[by_code, by_secret])
def pair(request: pytest.FixtureRequest) -> Pair:
    way: Pair = request.param
    return way


async def talk(pair: Pair, ann: Person, bob: Person, source: Path) -> errors.FileSendError | None:
    """Say everything there is to say, as far as it goes; return what ended it."""
    try:
        await pair(ann, bob)
        await ann.people.say(SECRET_TEXT)
        given_up = await ann.people.request([source])
        await bob.until(events.FileRequest, transfer=given_up)
        await ann.people.cancel(given_up)
        ann.engine.gates["hash"].clear()
        transfer = await ann.people.request([source])
        await bob.until(events.FileRequest, transfer=transfer)
        await bob.people.answer(transfer, [True])
        await bob.until(events.TransferState, phase=TransferPhase.HASHING)
        ann.engine.gates["hash"].set()
        for person in (ann, bob):
            await person.until(events.TransferState, transfer=transfer, phase=TransferPhase.DONE)
        await bob.people.say("got it")
        await ann.people.say("good")
        await ann.until(events.Message, text="got it")
        await bob.until(events.Message, text="good")
    except errors.FileSendError as error:
        return error
    return None


async def told(person: Person, code: str) -> None:
    """Wait until a person was told that the session is over, and why."""
    error = await person.until(events.Error, code=code, transfer=None)
    assert error.message.endswith(".")
    assert error.hint


def transfers_ended(person: Person) -> bool:
    asked = {e.transfer for e in person.log if isinstance(e, events.FileRequest)}
    states = [e for e in person.log if isinstance(e, events.TransferState)]
    return asked == {e.transfer for e in states if e.phase.ended}


async def over(*everybody: Person) -> None:
    """Wait until nobody is paired, no transfer is open and no engine holds anything."""
    async with asyncio.timeout(10):
        for person in everybody:
            while (
                person.partner is not None
                or person.lobby._pairings
                or not (person.engine.idle and transfers_ended(person))
            ):
                await asyncio.sleep(0.01)


# --- what is said: altered, forged, renamed, repeated, turned back, dropped, moved ------------


def once(event: str, trick: Callable[[Passing], Iterable[Passing]]) -> Trick:
    """Play the trick on the first word of this event, and be honest else."""
    played = False

    def play(rogue: RogueRelay, due: Passing) -> Iterable[Passing]:
        nonlocal played
        if due.event != event or played:
            return honest(rogue, due)
        played = True
        return trick(due)

    return play


def altered(due: Passing) -> Iterable[Passing]:
    body = bytearray(base64.b64decode(due.data["body"]))
    body[len(body) // 2] ^= 1
    yield due._replace(data={"body": base64.b64encode(body).decode()})


def cut_short(due: Passing) -> Iterable[Passing]:
    body = base64.b64decode(due.data["body"])
    yield due._replace(data={"body": base64.b64encode(body[:-512]).decode()})


def forged(due: Passing) -> Iterable[Passing]:
    yield due._replace(data=to_wire(FORGED[due.event]))


def renamed(due: Passing) -> Iterable[Passing]:
    yield due._replace(delivered_as="cancel" if due.event != "cancel" else "message")


def repeated(due: Passing) -> Iterable[Passing]:
    yield due
    yield due


def turned_back(due: Passing) -> Iterable[Passing]:
    yield due._replace(to=due.sender)


TRICKS = [altered, cut_short, forged, renamed, repeated, turned_back]


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("event", TALKED)
async def test_whatever_is_done_to_a_word_ends_the_session(
    pair: Pair, event: str, trick: Callable[[Passing], Iterable[Passing]], tmp_path: Path
) -> None:
    source = tmp_path / SECRET_NAME
    source.write_bytes(b"x" * 100)
    async with (
        rogue_relay(once(event, trick)) as rogue,
        people(rogue, tmp_path, "Ann", "Bob") as (ann, bob),
    ):
        talking = asyncio.create_task(talk(pair, ann, bob, source))
        if event == "hello":  # whose is first, and so who hears it wrong, is chance
            telling = [asyncio.create_task(told(p, "relayTampered")) for p in (ann, bob)]
            await asyncio.wait([*telling, talking], return_when=asyncio.FIRST_COMPLETED)
            if talking.done() and isinstance(talking.result(), errors.NotPaired):
                # They were introduced, and it was over before the next word.
                await asyncio.wait(telling, return_when=asyncio.FIRST_COMPLETED)
            heard = [task for task in telling if task.done() and not task.exception()]
            assert heard or isinstance(talking.result(), errors.RelayTampered)
            for task in telling:
                task.cancel()
            await asyncio.gather(*telling, return_exceptions=True)
        else:
            victim = ann if (event in BY_BOB) != (trick is turned_back) else bob
            await told(victim, "relayTampered")
            assert (await victim.until(events.PartnerGone)).reason == "broken"
        await over(ann, bob)
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
        for person in (ann, bob):
            # Nothing that the relay made up was taken for the partner's word.
            assert "evil.sh" not in repr(person.log)
            assert "instead" not in repr(person.log)
            said = [e for e in person.log if isinstance(e, events.Message) and not e.outgoing]
            assert len(said) <= 1
            assert person.relay.state == "connected"


@pytest.mark.parametrize("event", TALKED[1:])
async def test_a_word_left_out_is_missed_at_the_next(
    pair: Pair, event: str, tmp_path: Path
) -> None:
    source = tmp_path / SECRET_NAME
    source.write_bytes(b"x" * 100)
    gone = asyncio.Event()

    def drop(_: Passing) -> Iterable[Passing]:
        gone.set()
        return ()

    async with (
        rogue_relay(once(event, drop)) as rogue,
        people(rogue, tmp_path, "Ann", "Bob") as (ann, bob),
    ):
        talking = asyncio.create_task(talk(pair, ann, bob, source))
        speaker, victim = (bob, ann) if event in BY_BOB else (ann, bob)
        await asyncio.wait_for(gone.wait(), 10)
        with contextlib.suppress(errors.NotPaired):  # where it was missed by then
            await speaker.people.say("are you there?")
        await told(victim, "relayTampered")
        await over(ann, bob)
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)


@pytest.mark.parametrize("event", ["goodbye", "acknowledge"])
async def test_nobody_says_goodbye_or_acknowledges_for_another(
    pair: Pair, event: str, tmp_path: Path
) -> None:
    async with rogue_relay() as rogue, people(rogue, tmp_path, "Ann", "Bob") as (ann, bob):
        await pair(ann, bob)
        (to_ann,) = rogue.makers
        body = base64.b64encode(bytes(528)).decode()
        await rogue.say(to_ann, event, {"room": rogue.room_of(to_ann), "body": body})
        await told(ann, "relayTampered")
        assert (await ann.until(events.PartnerGone)).reason == "broken"
        await over(ann, bob)


async def test_who_is_not_introduced_is_not_waited_for(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairing_handshake, "TIMEOUT", 0.5)
    async with (
        rogue_relay(lambda _, due: () if due.event == "hello" else (due,)) as rogue,
        people(rogue, tmp_path, "Ann", "Bob") as (ann, bob),
    ):
        with pytest.raises(errors.PairingFailed):
            await pair(ann, bob)
        if pair is by_code:
            assert (await ann.until(events.CodeGone)).reason == "burned"
        await over(ann, bob)


async def test_words_in_another_order_are_refused(pair: Pair, tmp_path: Path) -> None:
    held: list[Passing] = []

    def swap(_: RogueRelay, due: Passing) -> Iterable[Passing]:
        if due.event != "message":
            return (due,)
        held.append(due)
        return reversed(held) if len(held) == 2 else ()

    async with rogue_relay(swap) as rogue, people(rogue, tmp_path, "Ann", "Bob") as (ann, bob):
        await pair(ann, bob)
        await ann.people.say("do not")
        await ann.people.say("sign it")
        await told(bob, "relayTampered")
        await over(ann, bob)
        assert not [e for e in bob.log if isinstance(e, events.Message)]


async def test_a_word_of_an_earlier_session_is_refused(pair: Pair, tmp_path: Path) -> None:
    async with rogue_relay() as rogue, people(rogue, tmp_path, "Ann", "Bob") as (ann, bob):
        await pair(ann, bob)
        await ann.people.say("yes, sign it")
        await bob.until(events.Message)
        await ann.people.leave()
        await bob.until(events.PartnerGone)
        for person in (ann, bob):
            person.log.clear()
        (earlier,) = [due for due in rogue.passed if due.event == "message"]
        rogue.trick = once("message", lambda due: (due._replace(data=earlier.data),))
        await pair(ann, bob)
        await ann.people.say("no, do not sign it")
        await told(bob, "relayTampered")
        await over(ann, bob)
        assert not [e for e in bob.log if isinstance(e, events.Message)]


async def test_a_word_for_somebody_else_is_refused(pair: Pair, tmp_path: Path) -> None:
    async with (
        rogue_relay() as rogue,
        people(rogue, tmp_path, "Ann", "Bob", "Cid", "Dan") as (ann, bob, cid, dan),
    ):
        await pair(cid, dan)
        (to_dan,) = {due.to for due in rogue.passed} & rogue.makers ^ {d.to for d in rogue.passed}
        await pair(ann, bob)
        rogue.trick = once(
            "message", lambda due: (due._replace(to=to_dan, room=rogue.room_of(to_dan)),)
        )
        await ann.people.say("for Bob alone")
        await told(dan, "relayTampered")
        await over(cid, dan)
        assert ann.partner == "Bob"
        assert not [e for p in (bob, dan) for e in p.log if isinstance(e, events.Message)]


async def test_partners_who_are_swapped_do_not_pair(pair: Pair, tmp_path: Path) -> None:
    """Two pairs at a time, and what one joiner says goes to the other's maker, and back."""
    twins: dict[str, str] = {}

    def cross(rogue: RogueRelay, due: Passing) -> Iterable[Passing]:
        twin = twins[due.to]
        return (due._replace(to=twin, room=rooms[twin]),)

    def wait_for_both(rogue: RogueRelay, due: Passing) -> Iterable[Passing]:
        waiting.append(due)
        if len(waiting) < speaking:
            return ()
        makers = sorted(rogue.makers)
        joiners = sorted({d.sender for d in waiting} - rogue.makers)
        twins.update({makers[0]: makers[1], makers[1]: makers[0]})
        twins.update({joiners[0]: joiners[1], joiners[1]: joiners[0]})
        rooms.update({who: rogue.room_of(who) for who in twins})  # they may leave
        rogue.trick = cross
        return [out for due in waiting for out in cross(rogue, due)]

    waiting: list[Passing] = []
    rooms: dict[str, str] = {}
    speaking = 2 if pair is by_code else 4  # the maker of a code says nothing first
    async with (
        rogue_relay(wait_for_both) as rogue,
        people(rogue, tmp_path, "Ann", "Bob", "Cid", "Dan") as (ann, bob, cid, dan),
    ):
        pairing = await asyncio.gather(pair(ann, bob), pair(cid, dan), return_exceptions=True)
        if pair is by_code:
            assert [type(error) for error in pairing] == [errors.WrongCode] * 2
            for maker in (ann, cid):
                await told(maker, "wrongCode")
        else:
            assert all(isinstance(error, errors.PairingFailed) for error in pairing)
            assert errors.WrongSecret in map(type, pairing)
        await over(ann, bob, cid, dan)


@pytest.mark.parametrize("event", ["message", "fileRequest", "fileAnswer", "fileReady"])
async def test_a_word_that_the_relay_refuses_is_said_again_in_another_room(
    pair: Pair, event: str, tmp_path: Path
) -> None:
    """What follows a word that is missing could not be opened; so both begin anew."""
    source = tmp_path / SECRET_NAME
    source.write_bytes(b"x" * 100)

    def refuse(_: Passing) -> Iterable[Passing]:
        raise Refusal(ErrorCode.RATE_LIMITED, "")

    async with (
        rogue_relay(once(event, refuse)) as rogue,
        people(rogue, tmp_path, "Ann", "Bob") as (ann, bob),
    ):
        assert await talk(pair, ann, bob, source) is None
        for person in (ann, bob):
            assert person.people.partner().session.epoch == 1
            said = [e.text for e in person.log if isinstance(e, events.Message) and not e.outgoing]
            assert len(said) == len(set(said))


@pytest.mark.parametrize("notice", ["claimed", "met", "pake", "confirm"])
async def test_nobody_is_slipped_into_a_session(pair: Pair, notice: str, tmp_path: Path) -> None:
    async with rogue_relay() as rogue, people(rogue, tmp_path, "Ann", "Bob") as (ann, bob):
        await pair(ann, bob)
        (to_ann,) = rogue.makers
        data: dict[str, dict[str, Any]] = {
            "claimed": {"nameplate": rogue.nameplate or 4711},
            "met": {"place": PLACE},
        }
        await rogue.say(
            to_ann, notice, {"room": rogue.room_of(to_ann), **data.get(notice, {"body": "AAAA"})}
        )
        await told(ann, "relayTampered")
        await over(ann, bob)


async def test_a_word_moved_to_another_session_ends_that_one_alone(
    pair: Pair, tmp_path: Path
) -> None:
    async with (
        rogue_relay() as rogue,
        people(rogue, tmp_path, "Ann", "Bob", "Cid") as (ann, bob, cid),
    ):
        rooms = {}
        for other in (bob, cid):
            await pair(ann, other)
            rooms[other] = rogue.passed[-1].room
        rogue.trick = once("message", lambda due: [due._replace(room=rooms[cid])])
        await bob.people.say("from Cid, you would think")
        gone = await ann.until(events.PartnerGone)
        assert (gone.partner, gone.reason) == ("Cid", "broken")
        error = await ann.until(events.Error, code="relayTampered")
        assert error.session == gone.session
        # The relay has kept a word of Bob's back: that is found out by his next, and no sooner.
        assert ann.partner == "Bob"
        await ann.people.say("are you there?")
        assert await bob.until(events.Message, text="are you there?")
        assert not [e for e in ann.log if isinstance(e, events.Message) and not e.outgoing]


async def test_who_comes_where_nobody_waits_leads_to_nobody(pair: Pair, tmp_path: Path) -> None:
    async with rogue_relay() as rogue, people(rogue, tmp_path, "Ann", "Bob") as (ann, bob):
        await pair(ann, bob)
        (to_ann,) = rogue.makers
        nameplate = rogue.nameplate or 4711
        await rogue.say(to_ann, "claimed", {"room": "0" * 32, "nameplate": nameplate})
        await rogue.say(to_ann, "met", {"room": "1" * 32, "place": PLACE})
        await rogue.say(to_ann, "message", {"room": "0" * 32, "body": "A" * 24})
        await bob.people.say("still there?")
        assert await ann.until(events.Message, text="still there?")
        assert not [event for event in ann.log if isinstance(event, events.Error)]


async def test_a_relay_that_says_the_partner_left_gains_nothing(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who leaves says goodbye. Bob notices that nobody hears him; both meet again."""
    monkeypatch.setattr(sessions, "REPEAT_AFTER", 0.05)
    monkeypatch.setattr(sessions, "UNHEARD_AFTER", 0.2)
    async with rogue_relay() as rogue, people(rogue, tmp_path, "Ann", "Bob") as (ann, bob):
        await pair(ann, bob)
        (to_ann,) = rogue.makers
        await rogue.say_gone(to_ann)
        assert (await ann.until(events.PartnerAway)).reason == "lost"
        await ann.people.say("still there?")
        await bob.people.say("of course")
        assert await bob.until(events.Message, text="still there?")
        assert await ann.until(events.Message, text="of course")
        assert not [e for e in ann.log + bob.log if isinstance(e, events.PartnerGone)]


# --- the way back ------------------------------------------------------------------------------


async def test_a_relay_that_swallows_everything_is_left_for_another_room(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "REPEAT_AFTER", 0.05)
    monkeypatch.setattr(sessions, "UNHEARD_AFTER", 0.2)
    async with rogue_relay() as rogue, people(rogue, tmp_path, "Ann", "Bob") as (ann, bob):
        await pair(ann, bob)
        rogue.trick = lambda _, due: () if due.event in CONTENTS else (due,)
        await ann.people.say("can you hear me?")
        await ann.until(events.PartnerAway)
        rogue.trick = honest
        assert await bob.until(events.Message, text="can you hear me?")


async def test_what_was_said_in_an_earlier_epoch_is_refused_in_the_next(
    pair: Pair, tmp_path: Path
) -> None:
    async with rogue_relay() as rogue, people(rogue, tmp_path, "Ann", "Bob") as (ann, bob):
        await pair(ann, bob)
        await ann.people.say("yes, sign it")
        await bob.until(events.Message)
        await come_back(rogue, ann, bob)
        (earlier,) = [due for due in rogue.passed if due.event == "message"]
        rogue.trick = once("message", lambda due: (due._replace(data=earlier.data),))
        await ann.people.say("no, do not sign it")
        await told(bob, "relayTampered")
        await over(ann, bob)
        said = [e.text for e in bob.log if isinstance(e, events.Message)]
        assert said == ["yes, sign it"]


async def test_a_handshake_of_an_earlier_epoch_leads_nobody_in(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The relay plays back what Bob said on his first way back: Ann stays away until it stops."""
    monkeypatch.setattr(tries, "FIRST_DELAY", 0.05)
    async with rogue_relay() as rogue, people(rogue, tmp_path, "Ann", "Bob") as (ann, bob):
        await pair(ann, bob)
        before = len(rogue.passed)
        await come_back(rogue, ann, bob)
        first = {due.event: due for due in rogue.passed[before:] if due.event in PAIRING}
        played: list[Passing] = []

        def play_back(_: RogueRelay, due: Passing) -> Iterable[Passing]:
            if due.event not in PAIRING:
                return (due,)
            played.append(due)
            return (due._replace(data=first[due.event].data),)

        rogue.trick = play_back
        await hang_up(bob)
        await until(lambda: len(played) > 6, 10)
        assert ann.people.partner().session.is_away
        rogue.trick = honest
        await ann.times(events.PartnerBack, 2)
        await ann.people.say("it is you")
        assert await bob.until(events.Message, text="it is you")
        assert not [e for e in ann.log + bob.log if isinstance(e, events.PartnerGone)]


async def test_a_relay_in_between_on_the_way_back_lacks_the_secret(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tries, "FIRST_DELAY", 0.05)
    async with rogue_relay() as rogue, people(rogue, tmp_path, "Ann", "Bob") as (ann, bob):
        await pair(ann, bob)
        middle = Middle(Secret(b"g" * 32))
        rogue.trick = middle
        await hang_up(bob)
        await ann.until(events.PartnerAway)
        await until(lambda: middle.proofs, 10)
        await ann.people.say(SECRET_TEXT)
        await until(lambda: len(middle.proofs) > 1, 10)
        rogue.trick = honest
        assert await bob.until(events.Message, text=SECRET_TEXT)
        assert not middle.read
        assert not [e for e in ann.log + bob.log if isinstance(e, events.PartnerGone)]


async def test_places_on_the_way_back_tell_a_relay_of_no_lasting_identity(
    pair: Pair, tmp_path: Path
) -> None:
    async with rogue_relay() as rogue, people(rogue, tmp_path, "Ann", "Bob") as (ann, bob):
        await pair(ann, bob)
        for _ in range(3):
            await come_back(rogue, ann, bob)
        places = re.findall(r'"meet",\{"place":"([^"]+)"', "".join(rogue.seen))
        # Each of the two names the next place, and that of the handshake before, which only they
        # can link; no place is named after that.
        assert len(set(places)) == 3 + (pair is by_secret)


async def hang_up(person: Person) -> None:
    """End somebody's connection to the relay, as a network does."""
    client = person.relay._client
    assert client is not None
    await client.eio.ws.close()


async def come_back(rogue: RogueRelay, ann: Person, bob: Person) -> None:
    times = sum(isinstance(event, events.PartnerBack) for event in ann.log) + 1
    await hang_up(bob)
    for person in (ann, bob):
        await person.times(events.PartnerBack, times)


# --- who is paired: a relay that guesses ------------------------------------------------------


def other_words(code: Code) -> tuple[str, ...]:
    return tuple(word for word in word_list() if word not in code.words)[:2]


def hint_to_make_a_new_code(error: errors.FileSendError | events.Error) -> bool:
    return "guess" in error.message + error.hint and "new one" in error.hint


@pytest.mark.parametrize("end", ["says a wrong proof", "says they left", "hangs up", "is silent"])
async def test_a_relay_that_guesses_burns_the_code_and_both_are_told(
    end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it only looks at their proofs, which tell it whether the guess was right."""
    monkeypatch.setattr(pairing_handshake, "TIMEOUT", 1.0 if end == "is silent" else 30.0)
    async with rogue_relay() as rogue, people(rogue, tmp_path, "Ann", "Bob") as (ann, bob):
        code = await ann.people.create_code()
        guessing = Middle(other_words(parse_code(code)), answers=False)

        def middle(rogue: RogueRelay, due: Passing) -> Iterable[Passing]:
            if due.event != "confirm":
                return guessing(rogue, due)
            proved.add(due.sender)
            if len(proved) == 2:
                both_proved.set()
            return ()

        proved: set[str] = set()
        both_proved = asyncio.Event()
        rogue.trick = middle
        joining = asyncio.create_task(bob.people.join(code))
        await asyncio.wait_for(both_proved.wait(), 10)
        for sid in proved:
            if end == "says a wrong proof":
                proof = to_wire(guessing.proofs[sid])
                await rogue.say(sid, "confirm", {"room": rogue.room_of(sid), **proof})
            elif end == "says they left":
                await rogue.say_gone(sid)
            elif end == "hangs up":
                await rogue.cut(sid)
        with pytest.raises(errors.WrongCode) as wrong:
            await joining
        assert hint_to_make_a_new_code(wrong.value)
        assert (await ann.until(events.CodeGone)).reason == "burned"
        error = await ann.until(events.Error, code="wrongCode")
        assert hint_to_make_a_new_code(error)
        for word in parse_code(code).words:
            assert word not in str(wrong.value) + repr(ann.log) + repr(bob.log)


async def test_a_stranger_who_looks_at_the_proof_and_leaves_is_told_of(tmp_path: Path) -> None:
    """Not the relay but who claimed the code guesses, and needs no proof of his own for it."""
    async with rogue_relay() as rogue, people(rogue, tmp_path, "Ann", "Eve") as (ann, eve):
        code = parse_code(await ann.people.create_code())

        def leave(rogue: RogueRelay, due: Passing) -> Iterable[Passing]:
            if due.event != "confirm":
                return (due,)
            return (due,) if due.sender in rogue.makers else ()  # Eve's own is never sent

        rogue.trick = leave
        with pytest.raises(errors.WrongCode):
            await eve.people.join(Code(code.nameplate, other_words(code)).text)
        assert (await ann.until(events.CodeGone)).reason == "burned"
        assert hint_to_make_a_new_code(await ann.until(events.Error, code="wrongCode"))


async def test_only_the_right_guess_lets_a_relay_in_and_the_verification_words_tell(
    tmp_path: Path,
) -> None:
    """One time in 1,677,025; which also shows that the guesses above were real ones."""
    async with rogue_relay() as rogue, people(rogue, tmp_path, "Ann", "Bob") as (ann, bob):
        code = await ann.people.create_code()
        rogue.trick = middle = Middle(parse_code(code).words)
        await bob.people.join(code)
        await ann.until(events.Paired)
        await ann.people.say(SECRET_TEXT)
        assert (await bob.until(events.Message)).text == SECRET_TEXT
        assert words.Message(text=SECRET_TEXT) in middle.read
        assert ann.people.verification() != bob.people.verification()


async def test_a_relay_in_between_that_lacks_the_secret_pairs_with_nobody(tmp_path: Path) -> None:
    async with rogue_relay() as rogue, people(rogue, tmp_path, "Ann", "Bob") as (ann, bob):
        secret = os.urandom(32)
        rogue.trick = Middle(Secret(os.urandom(32)))
        outcomes = await meetings(ann, bob, secret)
        assert all(isinstance(error, errors.PairingFailed) for error in outcomes)
        (error, *_) = [error for error in outcomes if isinstance(error, errors.WrongSecret)]
        assert "relay" in error.message
        assert "another relay" in error.hint
        await over(ann, bob)
        # It cost them nothing that an honest relay would not give back.
        rogue.trick = honest
        await met(ann, bob, secret)
        for spelling in (secret.hex(), repr(secret)):
            assert spelling not in repr(outcomes) + repr(ann.log) + repr(bob.log)


async def test_a_relay_that_keeps_back_the_proofs_learns_nothing_and_nobody_calls_it_a_guess(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairing_handshake, "TIMEOUT", 1.0)
    async with (
        rogue_relay(lambda _, due: () if due.event == "confirm" else (due,)) as rogue,
        people(rogue, tmp_path, "Ann", "Bob") as (ann, bob),
    ):
        for error in await meetings(ann, bob, os.urandom(32)):
            assert isinstance(error, errors.PairingFailed)
            assert not isinstance(error, errors.WrongSecret | errors.WrongCode)
            assert "code" not in error.message + error.hint
        await over(ann, bob)


async def test_only_who_has_the_secret_gets_in_between_and_the_verification_words_tell(
    tmp_path: Path,
) -> None:
    """Which also shows that the one above who lacked it did all there is to do."""
    async with rogue_relay() as rogue, people(rogue, tmp_path, "Ann", "Bob") as (ann, bob):
        secret = os.urandom(32)
        rogue.trick = middle = Middle(Secret(secret))
        await met(ann, bob, secret)
        await ann.people.say(SECRET_TEXT)
        assert (await bob.until(events.Message)).text == SECRET_TEXT
        assert words.Message(text=SECRET_TEXT) in middle.read
        assert ann.people.verification() != bob.people.verification()


async def test_without_anybody_in_between_the_verification_words_are_the_same(
    pair: Pair,
    tmp_path: Path,
) -> None:
    async with rogue_relay() as rogue, people(rogue, tmp_path, "Ann", "Bob") as (ann, bob):
        await pair(ann, bob)
        assert ann.people.verification() == bob.people.verification() is not None


# --- what a relay can read --------------------------------------------------------------------


def readable(seen: list[str]) -> str:
    """Return all that was seen, and what of it is base64 as what it means, a byte a character."""
    decoded = []
    for text in seen:
        for run in re.findall(r"[A-Za-z0-9+/]{16,}={0,2}", text):
            with contextlib.suppress(ValueError):
                decoded.append(base64.b64decode(run + "=" * (-len(run) % 4)).decode("latin-1"))
    return "\n".join([*seen, *decoded])


#: What a relay sees in the clear: names of events, and what begins an Engine.IO connection.
IN_THE_CLEAR = " ".join([*words.CALLS, *words.ROUTES, *words.DELIVERED, "upgrades"]).lower()


def telling(word: str) -> bool:
    """Whether a word of a code is nowhere in what is sealed or in the clear but for a leak."""
    return len(word) >= 7 and word not in IN_THE_CLEAR  # shorter ones come by chance


@pytest.mark.webrtc
async def test_it_reads_nothing_of_what_two_people_do(pair: Pair, tmp_path: Path) -> None:
    """A whole transfer of real clients: people and tracker, every frame of every socket."""
    content = b"what the merger is about: " + bytes(range(256)) * 40
    source = tmp_path / "source" / "merger papers" / SECRET_NAME
    source.parent.mkdir(parents=True)
    source.write_bytes(content)
    secret = os.urandom(32)
    async with rogue_relay(honest) as rogue:
        ann = Someone("Annegret Q.", tmp_path / "ann")
        bob = Someone("Bobby Tables", tmp_path / "bob")
        try:
            for each in (ann, bob):
                await each.client.connect(rogue.url)
            while not all(map(telling, (code := parse_code(await ann.client.create_code())).words)):
                pass
            if pair is by_code:
                await bob.client.join(code.text)
            else:
                await asyncio.gather(ann.client.meet(secret), bob.client.meet(secret))
            await ann.until(lambda: ann.of(events.Paired))
            await ann.client.say(SECRET_TEXT)
            transfer = await ann.client.request([source.parent])
            assert await yes(bob) == transfer
            assert await bob.ended(transfer) is TransferPhase.DONE
            assert await ann.ended(transfer) is TransferPhase.DONE
            verification = ann.client.verification()
            assert verification is not None
        finally:
            await asyncio.gather(ann.close(), bob.close())
    arrived = tmp_path / "bob" / "merger papers" / SECRET_NAME
    assert arrived.read_bytes() == content
    (seeding,) = ann.of(events.Seeding)
    info_hash = bytes.fromhex(seeding.info_hash)
    read = readable(rogue.seen)
    assert "fileReady" in read  # the names of events it does see
    assert '"announce"' in read
    secrets = {
        "file name": SECRET_NAME,
        "part of it": "redundancy",
        "folder": "merger papers",
        "text": SECRET_TEXT,
        "content": "what the merger is about",
        "sender": "Annegret",
        "receiver": "Bobby Tables",  # "Bobby" alone comes by chance
        "magnet": "magnet:",
        "infohash": seeding.info_hash,
        "infohash, bytes": info_hash.decode("latin-1"),
        "infohash, base32": base64.b32encode(info_hash).decode(),
        "transfer": transfer,
        "size": f"{len(content)}",
        "verification": verification,
        "secret": secret.decode("latin-1"),
        "secret, hex": secret.hex(),
        **{f"word {place} of the code": word for place, word in enumerate(code.words)},
    }
    found = [what for what, each in secrets.items() if each.lower() in read.lower()]
    assert found == []
