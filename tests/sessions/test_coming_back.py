"""Two people who lose the relay, or each other, and meet again: every word is taken once."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from filesend_tui.core import errors, events
from filesend_tui.core.relay_client import staying
from filesend_tui.core.relay_client.messages import SealedMessage
from filesend_tui.core.sessions import manager
from filesend_tui.core.sessions.pairing_handshake import PairingHandshake
from filesend_tui.core.sessions.places import tries
from filesend_tui.core.sessions.places.lobby import Lobby
from filesend_tui.core.sessions.state import SessionState
from relay.guard.limits import Limits
from relay.protocol.words import Word
from tests.conftest import RunningRelay, running_relay
from tests.people import NewPerson, Person
from tests.scripted_engine import World
from tests.waiting import until


async def hang_up(person: Person) -> None:
    """End somebody's connection to the relay, as a network does."""
    client = person.relay._client
    assert client is not None
    await client.eio.ws.close()


async def pair(ada: Person, bob: Person) -> None:
    await bob.people.join(await ada.people.create_code())
    await ada.until(events.Paired)


async def both_back(*people: Person, times: int = 1) -> None:
    for person in people:
        await person.times(events.PartnerBack, times)


def texts(person: Person) -> list[str]:
    return [e.text for e in person.log if isinstance(e, events.Message) and not e.outgoing]


async def test_a_lost_connection_is_no_end(new_person: NewPerson) -> None:
    ada, bob = await new_person("Ada"), await new_person("Bob")
    await pair(ada, bob)
    await ada.people.say("1")
    await bob.until(events.Message, text="1")
    await hang_up(bob)
    assert (await ada.until(events.PartnerAway)).reason == "lost"
    assert (await bob.until(events.PartnerAway)).reason == "relay"
    await bob.until(events.RelayAway)
    await ada.people.say("2")
    await bob.people.say("3")
    await both_back(ada, bob)
    await bob.until(events.RelayBack)
    await ada.until(events.Message, text="3")
    await bob.until(events.Message, text="2")
    assert texts(bob) == ["1", "2"]
    assert texts(ada) == ["3"]
    assert not [e for e in ada.log + bob.log if isinstance(e, events.PartnerGone | events.Error)]
    assert ada.people.verification() == bob.people.verification()


async def test_it_comes_back_time_and_again(
    new_person: NewPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tries, "FIRST_DELAY", 0.05)
    ada, bob = await new_person("Ada"), await new_person("Bob")
    await pair(ada, bob)
    for n in range(1, 5):
        lost = ada if n % 2 else bob
        await hang_up(lost)
        for person in (ada, bob):
            await person.times(events.PartnerAway, n)
        await ada.people.say(f"a{n}")
        await bob.people.say(f"b{n}")
        await both_back(ada, bob, times=n)
        await bob.until(events.Message, text=f"a{n}")
        await ada.until(events.Message, text=f"b{n}")
    assert texts(bob) == ["a1", "a2", "a3", "a4"]
    assert texts(ada) == ["b1", "b2", "b3", "b4"]
    epochs = {p.people.partner().session.epoch for p in (ada, bob)}
    assert epochs == {4}


async def test_a_relay_that_restarts_with_an_empty_memory(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    world = World()
    ada, bob = Person("Ada", world, tmp_path / "a"), Person("Bob", world, tmp_path / "b")
    with running_relay(port=port) as relay:
        for person in (ada, bob):
            await person.people.connect(relay.url)
        await pair(ada, bob)
        await asyncio.to_thread(relay.stop)
        for person in (ada, bob):
            assert (await person.until(events.PartnerAway)).reason == "relay"
        await ada.people.say("while it was away")
    with running_relay(port=port):
        await both_back(ada, bob)
        await bob.until(events.Message, text="while it was away")
        for person in (ada, bob):
            await person.people.destroy()
            person.close()
            await person.watching
    assert not [e for e in ada.log if isinstance(e, events.PartnerGone)]


async def test_transfers_go_on_with_who_comes_back(new_person: NewPerson, tmp_path: Path) -> None:
    """Asked while they are there, answered while they are away, done once they are back."""
    ada, bob = await new_person("Ada"), await new_person("Bob")
    await pair(ada, bob)
    (tmp_path / "file").write_bytes(b"x" * 1000)
    transfer = await ada.people.request([tmp_path / "file"])
    await bob.until(events.FileRequest)
    await hang_up(ada)
    await bob.until(events.PartnerAway)
    await ada.until(events.PartnerAway)
    assert bob.engine.away == ada.engine.away == {transfer: True}
    await bob.people.answer(transfer, [True])
    await both_back(ada, bob)
    assert bob.engine.away[transfer] is ada.engine.away[transfer] is False
    await ada.until(events.TorrentDone)
    done = events.TransferPhase.DONE
    for person in (ada, bob):
        await person.until(events.TransferState, phase=done)
    asked = [e for e in bob.log if isinstance(e, events.FileRequest)]
    assert len(asked) == 1


async def test_whoever_tries_again_at_once_keeps_what_was_going_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while nothing answers yet, and though the next try by itself is far away."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setattr(staying, "FIRST_DELAY", 600.0)
    monkeypatch.setattr(staying, "LONGEST_DELAY", 600.0)
    world = World()
    ada, bob = Person("Ada", world, tmp_path / "a"), Person("Bob", world, tmp_path / "b")
    with running_relay(port=port) as relay:
        for person in (ada, bob):
            await person.people.connect(relay.url)
        await pair(ada, bob)
        await asyncio.to_thread(relay.stop)
        for person in (ada, bob):
            await person.until(events.PartnerAway)
            with pytest.raises(errors.RelayUnreachable):
                await person.people.connect(relay.url)
        await ada.people.say("while it was away")
    with running_relay(port=port):
        for person in (ada, bob):
            await person.people.connect(relay.url)
        await both_back(ada, bob)
        await bob.until(events.Message, text="while it was away")
        assert not [e for e in ada.log + bob.log if isinstance(e, events.PartnerGone)]
        for person in (ada, bob):
            await person.people.destroy()
            person.close()
            await person.watching


async def test_who_is_away_too_long_is_gone(tmp_path: Path, relay: RunningRelay) -> None:
    world = World()
    ada = Person("Ada", world, tmp_path / "a", away_limit=0.3)
    bob = Person("Bob", world, tmp_path / "b", away_limit=0.3)
    for person in (ada, bob):
        await person.people.connect(relay.url)
    await pair(ada, bob)
    (tmp_path / "file").write_bytes(b"x")
    await ada.people.request([tmp_path / "file"])
    await bob.until(events.FileRequest)
    await bob.relay.close()
    assert (await bob.until(events.PartnerGone)).reason == "relay"
    assert (await ada.until(events.PartnerAway)).reason == "lost"
    assert (await ada.until(events.PartnerGone)).reason == "lost"
    assert ada.partner is None
    await ada.until(events.TransferState, phase=events.TransferPhase.FAILED)
    for person in (ada, bob):
        await person.people.destroy()
        person.close()
        await person.watching


async def test_who_leaves_while_the_other_is_away_waits_for_nobody(
    new_person: NewPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager, "PARTING", 100)
    ada, bob = await new_person("Ada"), await new_person("Bob")
    await pair(ada, bob)
    await bob.relay.close()
    await ada.until(events.PartnerAway)
    async with asyncio.timeout(20):
        await ada.people.leave()
    assert ada.partner is None
    assert not ada.lobby._arrivals


async def test_whoever_stops_keeps_those_with_whom_something_is_unfinished(
    new_person: NewPerson, tmp_path: Path
) -> None:
    ada, bob, eve = await new_person("Ada"), await new_person("Bob"), await new_person("Eve")
    with_bob = await bob.people.join(await ada.people.create_code())
    await ada.times(events.Paired, 1)
    await eve.people.join(await ada.people.create_code())
    await ada.times(events.Paired, 2)
    (tmp_path / "file").write_bytes(b"x")
    await bob.people.request([tmp_path / "file"], to=with_bob)
    await ada.until(events.FileRequest)
    await ada.people.destroy(keep=True)
    assert (await eve.until(events.PartnerGone)).reason == "left"
    assert (await bob.until(events.PartnerAway)).reason == "lost"
    assert not [e for e in bob.log if isinstance(e, events.PartnerGone)]


async def test_a_handshake_that_only_one_side_finished_is_made_again(
    new_person: NewPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words that end Bob's handshake are lost with his connection, when Ada is in the epoch."""
    monkeypatch.setattr(tries, "FIRST_DELAY", 0.05)
    ada, bob = await new_person("Ada"), await new_person("Bob")
    await pair(ada, bob)
    receive = PairingHandshake.receive
    deaf: list[PairingHandshake] = []

    def hears(handshake: PairingHandshake, word: Word) -> None:
        if handshake in bobs() and (not deaf or handshake in deaf):
            if isinstance(word, SealedMessage):  # Ada's hello: she has all that she needs of him
                deaf.append(handshake)
            if deaf:
                return
        receive(handshake, word)

    def bobs() -> list[PairingHandshake]:
        return [pairing.handshake for pairing in bob.lobby._pairings.values()]

    monkeypatch.setattr(PairingHandshake, "receive", hears)
    await hang_up(bob)
    await ada.times(events.PartnerBack, 1)
    assert deaf
    assert (ada.people.partner().session.epoch, bob.people.partner().session.epoch) == (1, 0)
    await ada.people.say("1")
    await hang_up(bob)
    await bob.until(events.Message, text="1")
    await bob.people.say("2")
    await ada.until(events.Message, text="2")
    assert texts(bob) == ["1"]
    assert {p.people.partner().session.epoch for p in (ada, bob)} == {1}


async def test_waiting_at_a_place_is_renewed(
    new_person: NewPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relay lets nobody wait for ever: whoever is away longer than that is met all the same."""
    monkeypatch.setattr(tries, "FIRST_DELAY", 0.05)
    for each in (tries, staying):  # a busy machine makes them fail more often
        monkeypatch.setattr(each, "LONGEST_DELAY", 0.2)
    # Long enough for the other side to come in, also on a busy machine.
    with running_relay(Limits(place_lifetime=1, sweep_every=0.05)) as relay:
        ada, bob = await new_person("Ada", relay), await new_person("Bob", relay)
        await pair(ada, bob)
        back = asyncio.Event()

        async def again() -> bool:
            return back.is_set()

        bob.relay._again = again
        await hang_up(bob)
        await ada.until(events.PartnerAway)
        waited: list[tuple[object, ...]] = []
        meet = Lobby.meet

        async def counted(lobby: Lobby, *how: Any) -> Any:
            waited.append(how)
            return await meet(lobby, *how)

        monkeypatch.setattr(Lobby, "meet", counted)
        await until(lambda: len(waited) >= 3, 10)
        back.set()
        await both_back(ada, bob)


async def test_without_a_partner_an_error_says_so(new_person: NewPerson) -> None:
    ada = await new_person("Ada")
    with pytest.raises(errors.NotPaired):
        await ada.people.say("hello?")


class NoLedger:
    """Records nothing."""

    async def keep(self, number: int, word: Word) -> bool:
        return True

    def drop(self, upto: int) -> None:
        pass

    async def took(self, number: int) -> bool:
        return True

    def entered(self, epoch: int) -> None:
        pass


@pytest.mark.parametrize("forgets", ["what it said", "what it took", "both"])
async def test_who_has_forgotten_is_told_and_so_is_the_other(
    new_person: NewPerson, tmp_path: Path, forgets: str
) -> None:
    """One side begins again with an old copy of what it kept."""
    ada, bob = await new_person("Ada"), await new_person("Bob")
    await pair(ada, bob)
    (before,) = ada.people.partners.values()
    for speaker, hearer in ((ada, bob), (bob, ada)):
        await speaker.people.say("1")
        await hearer.until(events.Message, text="1")
    (tmp_path / "file").write_bytes(b"x")
    await ada.people.request([tmp_path / "file"])
    await bob.until(events.FileRequest)
    assert await ada.people.settle(10)
    assert await bob.people.settle(10)
    session = before.session
    state = SessionState(
        session._root,
        session._side,
        "Bob",
        said=0 if forgets != "what it took" else session._stream.said,
        taken=0 if forgets != "what it said" else session.taken,
    )
    await ada.people.destroy(keep=True)
    again = await new_person("Ada")
    again.people.restore(before.id, state, NoLedger())
    for person in (again, bob):
        error = await person.until(events.Error)
        assert error.code == "outOfStep"
        assert error.hint == errors.OutOfStep.default_hint
        assert (await person.until(events.PartnerGone)).reason == "broken"
        assert not person.people.partners
