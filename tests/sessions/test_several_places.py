"""People at several meeting places at once: they pair at whichever both have, and go on at another.

Real relays; the rogue ones are servers of the test's own.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from filesend_tui.core import errors, events
from filesend_tui.core.events import TransferPhase
from filesend_tui.core.relay_client import connection
from filesend_tui.core.sessions import pairing_handshake
from filesend_tui.core.sessions.code import Code, parse_code, word_list
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.pairing import Pairing
from filesend_tui.core.sessions.places import tries
from filesend_tui.core.sessions.places.lobby import Lobby
from relay.guard.limits import Limits
from relay.protocol import words
from relay.protocol.words import Allocated, AskRoads, Pake, Room, to_wire
from tests.conftest import RunningRelay, running_relay
from tests.people import Links, NewPerson, Person, hostile_relay
from tests.security.rogue_relay import rogue_relay
from tests.waiting import until


@pytest.fixture
def second() -> Iterator[RunningRelay]:
    with running_relay() as running:
        yield running


async def at_both(person: Person, second: RunningRelay) -> Person:
    await person.people.connect(second.url)
    return person


async def pair(ada: Person, bob: Person) -> None:
    await bob.people.join(await ada.people.create_code())
    await ada.until(events.Paired)


async def talk(ada: Person, bob: Person, text: str = "hello") -> None:
    for one, other in ((ada, bob), (bob, ada)):
        await one.people.say(f"{text} from {one.output.name}")
        await other.until(events.Message, text=f"{text} from {one.output.name}", outgoing=False)


def sessions(person: Person) -> int:
    return len(person.people.partners)


async def lose(person: Person, url: str) -> None:
    """End somebody's connection to one place, as a network does."""
    client = person.people._places[url].connection._client  # type: ignore[attr-defined]
    await client.eio.ws.close()


# --- a code --------------------------------------------------------------------------------------


async def test_a_code_works_at_the_place_that_both_have(
    new_person: NewPerson, second: RunningRelay
) -> None:
    ada = await at_both(await new_person("Ada"), second)
    bob = await new_person("Bob", second)
    await pair(ada, bob)
    await talk(ada, bob)


async def test_at_two_common_places_they_pair_once(
    new_person: NewPerson, relay: RunningRelay, second: RunningRelay
) -> None:
    ada = await at_both(await new_person("Ada"), second)
    bob = await at_both(await new_person("Bob"), second)
    await pair(ada, bob)
    await talk(ada, bob)
    assert (sessions(ada), sessions(bob)) == (1, 1)
    # The rest is given up: no room but theirs is left, and no number waits.
    await until(lambda: sum(rooms(each) for each in (relay, second)) == 1)
    await until(lambda: not any(waiting(each) for each in (relay, second)))


def rooms(relay: RunningRelay) -> int:
    return len(_kept(relay)._pairs)


def waiting(relay: RunningRelay) -> list[int]:
    return list(_kept(relay)._nameplates._waiting)


def _kept(relay: RunningRelay) -> Any:
    people: Any = relay.server._app._stores.people
    return people._rooms


async def test_a_wrong_guess_at_one_place_burns_the_code_at_all(
    new_person: NewPerson, second: RunningRelay
) -> None:
    ada = await at_both(await new_person("Ada"), second)
    eve, bob = await new_person("Eve"), await new_person("Bob", second)
    code = parse_code(await ada.people.create_code())
    with pytest.raises(errors.WrongCode):
        await eve.people.join(Code(code.nameplate, other_words(code)).text)
    assert (await ada.until(events.CodeGone)).reason == "burned"
    with pytest.raises(errors.PairingFailed):
        await bob.people.join(code.text)
    assert not sessions(ada)


def other_words(code: Code) -> tuple[str, ...]:
    return tuple(next(w for w in word_list() if w != word) for word in code.words)


async def test_a_number_that_is_taken_at_one_place_is_taken_at_none(
    new_person: NewPerson, second: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter([3711, 3711, 222])  # above 1000: 4711, 4711, 1222
    monkeypatch.setattr(secrets, "randbelow", lambda _: next(drawn))
    bob = await new_person("Bob", second)
    assert (await bob.people.create_code()).startswith("4711-")
    ada = await at_both(await new_person("Ada"), second)
    code = await ada.people.create_code()
    assert code.startswith("1222-")
    with pytest.raises(errors.ExpiredCode):  # given up
        await (await new_person("Eve")).people.join(code.replace("1222", "4711"))


async def test_where_numbers_are_taken_again_and_again_they_get_longer(
    new_person: NewPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "randbelow", lambda _: 0)
    numbers = [(await (await new_person(n)).people.create_code()).split("-")[0] for n in "ABCDE"]
    assert numbers == [str(10**digits) for digits in (3, 4, 5, 6, 7)]
    with pytest.raises(errors.NameplateTaken):
        await (await new_person("F")).people.create_code()


async def test_a_place_that_is_connected_to_later_has_the_code_too(
    new_person: NewPerson, second: RunningRelay
) -> None:
    ada, bob = await new_person("Ada"), await new_person("Bob", second)
    code = await ada.people.create_code()
    await at_both(ada, second)
    await until(lambda: waiting(second))
    await bob.people.join(code)
    await talk(ada, bob)


async def test_whoever_joins_waits_for_a_place_that_is_on_its_way(
    new_person: NewPerson, second: RunningRelay
) -> None:
    ada, bob = await new_person("Ada", second), await new_person("Bob")
    code = await ada.people.create_code()
    bob.people.expect_places(60)
    joining = asyncio.create_task(bob.people.join(code))
    await until(lambda: any(each._failures for each in bob.people._joinings))
    assert not joining.done()
    await at_both(bob, second)
    await joining
    await talk(ada, bob)


async def test_whoever_joins_waits_for_the_maker_of_a_code_who_is_on_the_way(
    new_person: NewPerson, second: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Code] = []
    claim = Lobby.claim

    async def counted(lobby: Lobby, code: Code) -> Room:
        try:
            return await claim(lobby, code)
        finally:
            asked.append(code)

    monkeypatch.setattr(Lobby, "claim", counted)
    ada, bob = await new_person("Ada"), await new_person("Bob", second)
    code = await ada.people.create_code()
    bob.people.expect_people(second.url, 60.0)
    joining = asyncio.create_task(bob.people.join(code))
    await until(lambda: asked)  # in vain
    await at_both(ada, second)
    await joining
    await talk(ada, bob)


async def test_a_code_that_no_place_knows_is_unknown_though_one_is_lost(
    new_person: NewPerson, second: RunningRelay
) -> None:
    bob = await at_both(await new_person("Bob"), second)
    with pytest.raises(errors.UnknownCode):
        await bob.people.join("4711-apple-violin")
    code = await (await new_person("Ada")).people.create_code()
    with pytest.raises(errors.WrongCode):
        await bob.people.join(Code(parse_code(code).nameplate, other_words(parse_code(code))).text)


async def test_a_lost_place_takes_the_code_only_where_it_was_the_last(
    new_person: NewPerson, relay: RunningRelay, second: RunningRelay
) -> None:
    ada, bob = await at_both(await new_person("Ada"), second), await new_person("Bob", second)
    code = await ada.people.create_code()
    await lose(ada, relay.url)
    await ada.until(events.Relay, state="lost", url=relay.url)
    await bob.people.join(code)
    await talk(ada, bob)
    told = (events.CodeGone, events.RelayAway, events.PartnerAway)
    assert not [event for event in ada.log if isinstance(event, told)]


async def test_a_code_outlives_a_relay_that_is_started_anew(new_person: NewPerson) -> None:
    with running_relay() as first:
        ada = await new_person("Ada", first)
        code = await ada.people.create_code()
        ada.people.expect_return(first.url, 60)
        port = int(first.url.rpartition(":")[2])
    with running_relay(port=port) as again:
        await until(lambda: waiting(again))
        bob = await new_person("Bob", again)
        await bob.people.join(code)
        await talk(ada, bob)
        assert not [e for e in ada.log if isinstance(e, events.CodeGone)]
        for person in (ada, bob):
            await person.people.leave()
            await person.people.disconnect(again.url)


async def test_a_code_is_lost_with_a_relay_that_does_not_come_back(new_person: NewPerson) -> None:
    with running_relay() as first:
        ada = await new_person("Ada", first)
        await ada.people.create_code()
        ada.people.expect_return(first.url, 1)
    assert (await ada.until(events.CodeGone)).reason == "relay"
    await ada.people.disconnect(first.url)


# --- places that mean no good --------------------------------------------------------------------


class Rogue:
    """A place that lets everybody into a room of its own, and guesses at their codes there."""

    def __init__(self, *, speaks: bool = True, answers: bool = True) -> None:
        self.speaks = speaks
        self.answers = answers
        self.heard: list[str] = []
        self.silent = asyncio.Event()

    async def answer(self, server: Any, event: str, sid: str, data: Any) -> Any:
        self.heard.append(event)
        if not self.answers:
            await self.silent.wait()
        match event:
            case "allocate":
                return {"nameplate": data["nameplate"], "expiresSeconds": 600}
            case "claim":
                self.nameplate = data["nameplate"]
                return {"room": "a" * 32}
            case "pake" if self.speaks:
                guess = Pairing(Code(self.nameplate, ("acid", "acid")), Side.MAKER)
                (pake,) = guess.start()
                assert isinstance(pake, Pake)
                body = base64.b64encode(pake.body).decode()
                await server.emit("pake", {"room": data["room"], "body": body}, to=sid)
        return {}


@asynccontextmanager
async def rogues(person: Person, *them: Rogue) -> AsyncIterator[None]:
    """Connect somebody to rogue places."""
    async with AsyncExitStack() as stack:
        for rogue in them:
            await person.people.connect(
                await stack.enter_async_context(hostile_relay(rogue.answer))
            )
        try:
            yield
        finally:
            for rogue in them:
                rogue.silent.set()
            for url in tuple(person.people._places):
                await person.people.disconnect(url)


async def test_rogue_places_get_one_guess_in_all(new_person: NewPerson) -> None:
    bob, them = await new_person("Bob"), [Rogue() for _ in range(4)]
    async with rogues(bob, *them):
        with pytest.raises(errors.WrongCode):
            await bob.people.join("4711-apple-violin")
        await until(lambda: sum(rogue.heard.count("leave") for rogue in them) == len(them))
        assert max(rogue.heard.count("pake") for rogue in them) == 1
        assert sum(rogue.heard.count("confirm") for rogue in them) == 1


def guess_at_once(relay: RunningRelay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a relay itself claim each code, before its maker is told that it is open."""
    people: Any = relay.server._app._people
    allocate = people._rooms.allocate

    async def guess(*asked: Any) -> Allocated:
        allocated: Allocated = await allocate(*asked)
        entered = await people._rooms.claim("nobody", "", allocated.nameplate)
        notice = entered.notice
        owner = people._bus.own(notice.to)
        await people._server.send(notice.event, to_wire(notice.word), to=owner)
        return allocated

    monkeypatch.setattr(people._rooms, "allocate", guess)


async def test_who_claims_a_code_before_it_is_shown_burns_it_nowhere_else(
    new_person: NewPerson, second: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    guess_at_once(second, monkeypatch)
    ada, bob = await at_both(await new_person("Ada"), second), await new_person("Bob")
    await pair(ada, bob)
    await talk(ada, bob)


async def test_a_code_that_was_claimed_everywhere_before_it_is_shown_is_none(
    new_person: NewPerson, second: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    guess_at_once(second, monkeypatch)
    ada = await new_person("Ada", second)
    with pytest.raises(errors.PairingFailed):
        await ada.people.create_code()


@pytest.mark.parametrize("kind", ["never speaks", "never answers"])
async def test_a_place_that_hangs_delays_nobody(
    new_person: NewPerson, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CALL_TIMEOUT", 3600)  # so that nothing ends by waiting
    ada, bob = await new_person("Ada"), await new_person("Bob")
    one, other = [Rogue(speaks=False, answers=kind == "never speaks") for _ in range(2)]
    async with rogues(ada, one), rogues(bob, other):
        await pair(ada, bob)
        await talk(ada, bob)
        assert (sessions(ada), sessions(bob)) == (1, 1)


async def test_a_place_that_swallows_all_words_delays_nobody_who_has_another(
    new_person: NewPerson, links: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are let into a room there, and hear nothing in it."""
    monkeypatch.setattr(pairing_handshake, "TIMEOUT", 3600)
    ada, bob = await new_person("Ada"), await new_person("Bob")
    async with rogue_relay(lambda _, __: ()) as rogue:
        for person in (ada, bob):
            await person.people.connect(rogue.url)
        await pair(ada, bob)
        await talk(ada, bob)
        code = await ada.people.create_code()
        await (await links(rogue.url)).claim(parse_code(code).nameplate)
        await until(lambda: not ada.people._places[rogue.url].lobby.has_code)  # it was told
        cid = await new_person("Cid")
        await cid.people.join(code)
        await until(lambda: sessions(ada) == 2)
        assert (sessions(bob), sessions(cid)) == (1, 1)
        assert not [e for e in ada.log if isinstance(e, events.Error | events.CodeGone)]
        for person in (ada, bob):
            await person.people.disconnect(rogue.url)


async def test_who_claims_a_code_and_leaves_without_a_word_burns_it_nowhere_else(
    new_person: NewPerson, second: RunningRelay, links: Links
) -> None:
    ada, bob = await at_both(await new_person("Ada"), second), await new_person("Bob")
    code = parse_code(await ada.people.create_code())
    eve = await links(second.url)
    await eve.claim(code.nameplate)
    await eve.leave()
    await bob.people.join(code.text)
    await ada.until(events.Paired)
    await talk(ada, bob)


async def test_a_code_that_was_claimed_everywhere_without_a_word_is_told(
    new_person: NewPerson, relay: RunningRelay, second: RunningRelay, links: Links
) -> None:
    ada = await at_both(await new_person("Ada"), second)
    code = parse_code(await ada.people.create_code())
    guests = [await links(each.url) for each in (relay, second)]
    for eve in guests:
        await eve.claim(code.nameplate)
    await guests[0].leave()
    await lose(ada, second.url)
    assert (await ada.until(events.CodeGone)).reason in ("burned", "relay")


async def test_a_new_code_is_not_harmed_by_who_claimed_the_one_before(
    new_person: NewPerson, second: RunningRelay, links: Links
) -> None:
    ada, bob = await at_both(await new_person("Ada"), second), await new_person("Bob")
    eve = await links(second.url)
    await eve.claim(parse_code(await ada.people.create_code()).nameplate)
    code = await ada.people.create_code()
    await until(lambda: words.PartnerGone(room=eve.room, reason="left") in eve.words)
    await bob.people.join(code)
    await ada.until(events.Paired)
    assert not [e for e in ada.log if isinstance(e, events.Error)]


async def test_a_place_that_hangs_does_not_hide_that_a_code_is_unknown(
    new_person: NewPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CALL_TIMEOUT", 3600)
    bob = await new_person("Bob")
    async with rogues(bob, Rogue(answers=False)):
        with pytest.raises(errors.UnknownCode):
            await bob.people.join("4711-apple-violin")


async def test_a_place_that_breaks_the_rules_is_left_and_nobody_is_bothered(
    new_person: NewPerson,
) -> None:
    ada, bob = await new_person("Ada"), await new_person("Bob")

    async def answer(server: Any, event: str, sid: str, data: Any) -> Any:
        await server.emit("claimed", {"nonsense": True}, to=sid)
        return {}

    async with hostile_relay(answer) as url:
        await ada.people.connect(url)
        await pair(ada, bob)
        await ada.until(events.Relay, state="lost", url=url)
        await talk(ada, bob)
        assert not [e for e in ada.log if isinstance(e, events.Error | events.RelayAway)]
        await ada.people.disconnect(url)


async def test_rooms_of_two_places_under_one_id_are_two(new_person: NewPerson) -> None:
    """A place that learned a room's id elsewhere says in it that the partner left, and worse."""
    ada, bob = await new_person("Ada"), await new_person("Bob")
    await pair(ada, bob)
    (there,) = bob.people._rooms
    room: Room = there.room

    async def answer(server: Any, event: str, sid: str, data: Any) -> Any:
        if event == "askRoads":
            await server.emit("partnerGone", {"room": room, "reason": "left"}, to=sid)
            body = base64.b64encode(bytes(528)).decode()
            await server.emit("message", {"room": room, "body": body}, to=sid)
        return {}

    async with hostile_relay(answer) as url:
        await bob.people.connect(url)
        with pytest.raises(errors.FileSendError):  # an answer without sense, after the two words
            place = bob.people._places[url]
            await place.connection.call(AskRoads(), Allocated)
        await talk(ada, bob)
        assert not [e for e in bob.log if isinstance(e, events.PartnerAway | events.Error)]
        await bob.people.disconnect(url)


# --- sessions that go on -------------------------------------------------------------------------


async def test_a_session_goes_on_at_another_place_when_its_own_is_gone(
    new_person: NewPerson, second: RunningRelay
) -> None:
    with running_relay() as first:
        ada = await at_both(await new_person("Ada", first), second)
        bob = await new_person("Bob", first)
        await pair(ada, bob)
        await at_both(bob, second)
    await ada.people.say("while it is gone")
    await bob.until(events.Message, text="while it is gone")
    await talk(ada, bob)
    assert ada.people.place_of(next(iter(ada.people.partners))) == second.url
    told = (events.PartnerGone, events.Error, events.RelayAway)
    assert not [e for e in ada.log + bob.log if isinstance(e, told)]


async def test_what_is_under_way_is_announced_where_both_have_gone(
    new_person: NewPerson, second: RunningRelay, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"x" * 1000)
    with running_relay() as first:
        ada, bob = await new_person("Ada", first), await new_person("Bob", first)
        await pair(ada, bob)
        bob.engine.gates["data"].clear()
        transfer = await ada.people.request([tmp_path / "file"])
        await bob.until(events.FileRequest, transfer=transfer)
        await bob.people.answer(transfer, [True])
        await until(lambda: ada.engine.held and bob.engine.held)
        for person in (ada, bob):
            await _at(person, first)
            await at_both(person, second)
    for person in (ada, bob):
        await person.times(events.PartnerBack, 1)
        await _at(person, first, second)
    bob.engine.gates["data"].set()
    for person in (ada, bob):
        await person.until(events.TransferState, transfer=transfer, phase=TransferPhase.DONE)


async def _at(person: Person, *relays: RunningRelay) -> None:
    await until(lambda: trackers(person) == {relay.tracker for relay in relays})


def trackers(person: Person) -> set[str]:
    return {url for held in person.engine.held.values() for url in held.trackers}


async def test_two_who_have_several_places_in_common_come_back_into_one_room(
    new_person: NewPerson,
    relay: RunningRelay,
    second: RunningRelay,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tries, "FIRST_DELAY", 0.05)
    with running_relay() as third, running_relay() as first:
        ada, bob = await new_person("Ada", first), await new_person("Bob", first)
        for person in (ada, bob):
            for other in (relay, second, third):
                await person.people.connect(other.url)
        await pair(ada, bob)
        for number in range(3):
            (there,) = ada.people._rooms
            await lose(ada if number % 2 else bob, there.place.url)
            await ada.times(events.PartnerBack, number + 1)
            await bob.times(events.PartnerBack, number + 1)
            await talk(ada, bob, str(number))
        await until(lambda: sum(map(rooms, (relay, second, third, first))) == 1)
        assert not ada.people._places[first.url].lobby._arrivals
        for person in (ada, bob):
            for other in (first, third):
                await person.people.disconnect(other.url)


async def test_a_place_that_stalls_on_the_way_back_is_left_for_another(
    new_person: NewPerson, second: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lets both into rooms of its own and speaks there, but nothing comes of it."""
    monkeypatch.setattr(tries, "CHOICE", 0.5)
    ada, bob = await new_person("Ada", second), await new_person("Bob", second)
    await pair(ada, bob)
    side = ada.people.partner().session.side
    maker = ada if side is Side.MAKER else bob

    async def answer(server: Any, event: str, sid: str, data: Any) -> Any:
        if event == "meet":
            return {"room": "c" * 32}
        if event == "pake":  # as one who holds a secret would begin
            body = base64.b64encode(b"M" + bytes(range(1, 33))).decode()
            await server.emit("pake", {"room": data["room"], "body": body}, to=sid)
        return {}

    async with hostile_relay(answer) as url:
        await maker.people.connect(url)
        await lose(bob, second.url)
        for person in (ada, bob):
            await person.until(events.PartnerBack)
        await talk(ada, bob)
        await maker.people.disconnect(url)


async def test_the_last_place_that_is_lost_is_told_and_the_first_that_is_back(
    new_person: NewPerson, tmp_path: Path
) -> None:
    with running_relay() as first, running_relay(Limits()) as other:
        ada = await new_person("Ada", first)
        await ada.people.connect(other.url)
        await lose(ada, first.url)
        await ada.until(events.Relay, state="lost", url=first.url)
        assert not [e for e in ada.log if isinstance(e, events.RelayAway)]
        for place in ada.people._places.values():  # nobody comes back by himself here
            place.connection._again = never  # type: ignore[attr-defined]
        if ada.people._places[first.url].is_open:
            await lose(ada, first.url)
        await lose(ada, other.url)
        await ada.until(events.RelayAway)
        assert not ada.people.places
        await ada.people.connect(first.url)
        await ada.until(events.RelayBack, url=first.url)
        await ada.people.disconnect(first.url)
        await ada.people.disconnect(other.url)


async def never() -> bool:
    return False
