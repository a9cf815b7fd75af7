"""Contacts against whoever has a copy, runs a relay, sends nonsense, or sends without end."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import stat
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from filesend_tui.core import events as e
from filesend_tui.core.contacts import waiting
from filesend_tui.core.contacts.keys import HOUR, place_secret
from filesend_tui.core.contacts.reaching import COMINGS
from filesend_tui.core.errors import ContactDoubted, FileSendError
from filesend_tui.core.events import Allowance
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.partner import Partner
from filesend_tui.headless.contacts.rules import Rules
from filesend_tui.headless.contacts.standing import MAX_OPEN, Receiver
from relay.protocol import words
from relay.protocol.words import ContactStep, Hello, Remember
from tests.conftest import RunningRelay, running_relay
from tests.contacts.friends import Friend, befriend, friends
from tests.headless.contacts.test_standing import nobody
from tests.waiting import until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LOOK", 0.05)


async def _known(relay: RunningRelay, *people: Friend) -> None:
    for each in people:
        await each.start(relay.url)
    await befriend(*people)


def partner(friend: Friend) -> Partner:
    (found,) = friend.client._sessions.everybody
    return found


# --- a copy ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("robbed", ["who calls", "who waits"])
async def test_a_copied_contact_is_noticed_by_both_and_told(
    robbed: str, relay: RunningRelay, tmp_path: Path
) -> None:
    """A stolen state folder passes for its owner until the owner's next meeting, and no longer."""
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await _known(relay, ada, bob)
        victim, other = (ada, bob) if robbed == "who calls" else (bob, ada)
        await victim.end()
        thief = victim.copy("thief")
        try:
            await thief.start(relay.url)
            other.client.wait_for_contacts(None)
            session = await thief.call(other.name)
            await thief.client.leave(session)
            await thief.end()
            await victim.start(relay.url)
            if robbed == "who calls":
                with pytest.raises(ContactDoubted):
                    await victim.call(other.name)
            else:
                other.client.wait_for_contacts(())
                victim.client.wait_for_contacts(None)
                with pytest.raises(ContactDoubted):
                    await other.call(victim.name)
            for each in (victim, other):
                told = await each.told(e.ContactDoubted)
                assert "copy" in told.message
                assert "forget" in told.hint
            assert (await victim.contact(other.name)).doubted
            assert (await other.contact(victim.name)).doubted
            # Nothing is begun with either of them from now on.
            for one, two in ((victim, other), (other, victim)):
                with pytest.raises(ContactDoubted):
                    await one.call(two.name)
        finally:
            await thief.end()


async def test_what_a_stolen_folder_holds_is_for_its_owner_alone_and_tells_nothing_of_before(
    relay: RunningRelay, tmp_path: Path
) -> None:
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await _known(relay, ada, bob)
        (before,) = await ada.inner._book.all()
        bob.client.wait_for_contacts(None)
        session = await ada.call("Bob")
        root = partner(ada).session._root.value
        await ada.client.leave(session)
        (after,) = await ada.inner._book.all()
        await ada.end()
        file = ada.state / "journal.sqlite"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        held = b"".join(path.read_bytes() for path in ada.state.glob("journal.sqlite*"))
        assert after.secret in held
        assert before.secret not in held  # replaced, and overwritten on the disk
        assert root not in held
        shown = f"{before!r}{after!r}"
        assert after.secret.hex() not in shown
        assert repr(after.secret) not in shown
        # Forgetting is deleting.
        await ada.start()
        await ada.client.forget_contact(after.id)
        await ada.end()
        with sqlite3.connect(file) as database:
            assert database.execute("SELECT * FROM contact").fetchall() == []
        held = b"".join(path.read_bytes() for path in ada.state.glob("journal.sqlite*"))
        assert after.secret not in held
        assert after.meeting not in held


# --- a relay --------------------------------------------------------------------------------------


async def test_a_relay_is_told_another_place_each_hour_and_nothing_that_lasts(
    tmp_path: Path,
) -> None:
    with running_relay() as relay:
        people = relay.server._app._stores.people
        seen: list[set[bytes]] = []
        async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
            await _known(relay, ada, bob)
            (record,) = await bob.inner._book.all()
            now = 1_000_000 * HOUR + HOUR // 2
            bob.inner.reaching.clock = lambda: now
            bob.client.wait_for_contacts(None)
            kept = people._rooms._places._waiting  # type: ignore[attr-defined]
            for _ in range(3):
                await until(lambda: kept and not any(set(kept) & each for each in seen))
                seen.append(set(kept))
                now += HOUR
            assert [len(each) for each in seen] == [1, 1, 1]
            # What one hour's secret opens is that hour's door, behind which each still has to prove
            # who they are.
            hour = place_secret(record.meeting, Side.MAKER, 1_000_000).value
            assert record.meeting not in hour + b"".join(place for each in seen for place in each)


async def test_who_only_has_the_door_gets_no_session_and_both_hear_of_it(
    relay: RunningRelay, tmp_path: Path
) -> None:
    """Somebody who holds the meeting secret alone, such as of a folder stolen long ago."""
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await _known(relay, ada, bob)
        await ada.end()
        thief = ada.copy("thief")
        try:
            await thief.start(relay.url)
            (record,) = await thief.inner._book.all()
            old = msgspec.structs.replace(record, secret=secrets.token_bytes(32))
            await thief.inner._book._change(record.id, lambda _: old)
            bob.client.wait_for_contacts(None)
            with pytest.raises(ContactDoubted):
                await thief.call("Bob")
            await bob.told(e.ContactDoubted)
            assert not [each for each in bob.log if isinstance(each, e.Paired) and each.contact]
        finally:
            await thief.end()


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({"name": "x", "remember": {"answer": "y" * 17}}, id="a long answer"),
        pytest.param({"name": "x", "remember": {"answer": 1}}, id="no text"),
        pytest.param({"name": "x" * 65, "remember": {"answer": "yes"}}, id="a long name"),
        pytest.param(
            {"name": "x", "remember": {"answer": "yes", "nonce": "A" * 100}}, id="a long nonce"
        ),
        pytest.param({"name": "x", "contact": {"step": "check", "proofs": ["AA=="]}}, id="a stub"),
        pytest.param(
            {"name": "x", "contact": {"step": "check", "proofs": ["A" * 43 + "="] * 3}},
            id="many proofs",
        ),
        pytest.param({"name": "x", "contact": {"step": "renew", "attempt": -1}}, id="below zero"),
        pytest.param({"name": "x", "contact": {"step": "renew", "attempt": 2**60}}, id="huge"),
    ],
)
def test_a_word_out_of_bounds_is_no_word(content: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        words.parse(Hello, content)


@pytest.mark.parametrize(
    "remember",
    [
        pytest.param(Remember(answer="yes", nonce=b"short"), id="a short nonce"),
        pytest.param(Remember(answer="maybe"), id="another answer"),
        pytest.param(Remember(answer="forget"), id="forget a stranger"),
        pytest.param(Remember(answer="no"), id="a no to nothing"),
    ],
)
async def test_an_answer_that_fits_nothing_has_no_effect(
    remember: Remember, relay: RunningRelay, tmp_path: Path
) -> None:
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await ada.start(relay.url)
        await bob.start(relay.url)
        await bob.client.join(await ada.client.create_code())
        await ada.told(e.Paired)
        await partner(bob).session.send(Hello(name="Bob", remember=remember))
        await partner(bob).session.send(Hello(name="Bob", contact=ContactStep(step="renew")))
        await bob.client.say("and on")
        await ada.told(e.Message, text="and on")
        asked = (e.RememberAsked, e.RememberDeclined, e.Remembered, e.ContactForgotten, e.Error)
        assert not [each for each in ada.log if isinstance(each, asked)]
        await ada.client.remember()  # as good as before
        await bob.told(e.RememberAsked, outgoing=False)


async def test_who_changes_their_mind_without_end_is_not_heard(
    relay: RunningRelay, tmp_path: Path
) -> None:
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await ada.start(relay.url)
        await bob.start(relay.url)
        await bob.client.join(await ada.client.create_code())
        await ada.told(e.Paired)
        session = partner(bob).session
        for _ in range(50):
            yes = Remember(answer="yes", nonce=secrets.token_bytes(32))
            await session.send(Hello(name="Bob", remember=yes))
            await session.send(Hello(name="Bob", remember=Remember(answer="no")))
        await bob.client.say("done")
        await ada.told(e.Message, text="done")
        assert len([each for each in ada.log if isinstance(each, e.RememberAsked)]) <= 8


async def test_a_name_that_paints_on_the_terminal_is_cleaned_wherever_it_is_kept(
    relay: RunningRelay, tmp_path: Path
) -> None:
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await ada.start(relay.url)
        await bob.start(relay.url)
        hello = bob.client._sessions.hello
        evil = "B\x1b[31mo\u202eb\n" + "x" * 50
        bob.client._sessions.hello = lambda: msgspec.structs.replace(  # type: ignore[method-assign]
            hello(), name=evil
        )
        await befriend_named(ada, bob)
        (contact,) = await ada.client.contacts()
        for name in (contact.name, contact.their_name):
            assert name.isprintable()
            assert len(name) <= 64


async def befriend_named(ada: Friend, bob: Friend) -> None:
    session = await bob.client.join(await ada.client.create_code())
    await ada.told(e.Paired)
    await bob.client.remember(session)
    await ada.told(e.RememberAsked)
    await ada.client.remember()
    await ada.told(e.Remembered)


# --- floods ---------------------------------------------------------------------------------------


async def test_a_contact_who_comes_without_end_is_met_a_few_times_a_minute(
    relay: RunningRelay, tmp_path: Path
) -> None:
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await _known(relay, ada, bob)
        ada.client.wait_for_contacts(None)
        contact = (await bob.contact("Ada")).contact
        came = 0
        with suppress(TimeoutError):
            for came in range(COMINGS[0] * 3):  # noqa: B007 - how many is what is asked for
                async with asyncio.timeout(3):
                    await bob.client.is_online(contact, 60)
        assert came <= COMINGS[0] + 2
        assert not (await ada.contact("Bob")).doubted


async def test_requests_without_end_are_declined_and_the_receiver_goes_on(tmp_path: Path) -> None:
    async with friends(tmp_path, "Ada") as (ada,):
        await ada.start()
        refused: list[str] = []

        async def answer(transfer: str, accepted: object, **_: object) -> None:
            refused.append(transfer)

        ada.client.answer = answer  # type: ignore[method-assign]
        receiver = Receiver(ada.client, nobody(), Rules(True, None, ada.output), None)
        for number in range(MAX_OPEN * 2):
            receiver.hear(
                e.FileRequest(
                    session=e.SessionId("a" * 16),
                    transfer=f"{number}",
                    direction=e.Direction.RECEIVE,
                    partner="Bob",
                    files=(e.FileEntry(path="x", size=1),),
                    total_bytes=1,
                )
            )
        assert len(receiver._open) == MAX_OPEN
        await until(lambda: len(refused) == MAX_OPEN * 2)  # nobody of them is a contact
        await receiver.close()


async def test_what_a_standing_receiver_may_take_is_off_until_it_is_said(
    relay: RunningRelay, tmp_path: Path
) -> None:
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await _known(relay, ada, bob)
        contact = await ada.contact("Bob")
        assert contact.allowed is None
        with pytest.raises(FileSendError):
            await ada.client.allow_contact("0" * 16, Allowance())
