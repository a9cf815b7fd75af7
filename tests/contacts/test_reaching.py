"""Contacts who wait and call at real relays: who is met, when, and who is not any more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.contacts import keys, manager, reaching, waiting
from filesend_tui.core.contacts.keys import EDGE, HOUR
from filesend_tui.core.errors import FileSendError, UnknownContact
from filesend_tui.core.events import SessionId, Who
from tests.conftest import RunningRelay
from tests.contacts.friends import Friend, befriend, friends
from tests.waiting import until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LOOK", 0.05)


def waits(friend: Friend, count: int = 1) -> Callable[[], bool]:
    """Whether somebody waits at so many places."""
    return lambda: sum(len(p.lobby._arrivals) for p in friend.client._sessions.places) >= count


async def known(relay: RunningRelay, one: Friend, *others: Friend) -> None:
    """Have one remember these, and all of them be there."""
    for each in (one, *others):
        await each.start(relay.url)
    for other in others:
        await befriend(one, other)


async def test_five_contacts_at_once(relay: RunningRelay, tmp_path: Path) -> None:
    names = ("Ada", "Bob", "Cid", "Dan", "Eve", "Fay")
    async with friends(tmp_path, *names) as (ada, *others):
        await known(relay, ada, *others)
        ada.client.wait_for_contacts(None)
        await asyncio.gather(*(other.call("Ada") for other in others))
        for name in names[1:]:
            await ada.told(e.Paired, partner=name, contact=(await ada.contact(name)).contact)
        assert {each.session is None for each in await ada.client.contacts()} == {False}


async def test_who_was_seen_last_is_waited_for_where_not_all_can_be(
    relay: RunningRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaching, "AT_RELAY", 1)
    async with friends(tmp_path, "Ada", "Bob", "Cid") as (ada, bob, cid):
        await known(relay, ada, bob, cid)
        ada.client.wait_for_contacts(None)
        of_bob, of_cid = (await ada.contact("Bob")).contact, (await ada.contact("Cid")).contact
        await until(lambda: ada.inner.reaching.waited_for == {of_cid})
        bob.client.wait_for_contacts(None)
        session = await ada.call("Bob")
        await bob.told(e.Paired, contact=(await bob.contact("Ada")).contact)
        await bob.restart(relay.url)  # it waits for nobody now
        await ada.told(e.PartnerGone, session=session)
        ada.inner.reaching.changed()
        await until(lambda: ada.inner.reaching.waited_for == {of_bob})
        assert await bob.client.is_online((await bob.contact("Ada")).contact, 20)


async def test_a_look_is_noted_by_both_as_seen(relay: RunningRelay, tmp_path: Path) -> None:
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await known(relay, ada, bob)
        before = time.time()
        ada.client.wait_for_contacts(None)
        assert await bob.client.is_online((await bob.contact("Ada")).contact, 20)
        assert (await bob.contact("Ada")).last_seen >= before
        await ada.told(e.ContactSeen)
        assert (await ada.contact("Bob")).last_seen >= before


async def test_only_who_is_chosen_is_waited_for(relay: RunningRelay, tmp_path: Path) -> None:
    async with friends(tmp_path, "Ada", "Bob", "Cid") as (ada, bob, cid):
        await known(relay, ada, bob, cid)
        ada.client.wait_for_contacts([(await ada.contact("Cid")).contact])
        assert await cid.client.is_online((await cid.contact("Ada")).contact, 20)
        assert (await ada.told(e.ContactSeen)).name == "Cid"
        assert not await bob.client.is_online((await bob.contact("Ada")).contact, 0.3)
        ada.client.wait_for_contacts(())
        await until(lambda: not ada.inner.reaching.waited_for)


async def test_forgetting_reaches_the_other_side_of_a_session(
    relay: RunningRelay, tmp_path: Path
) -> None:
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await known(relay, ada, bob)
        ada.client.wait_for_contacts(None)
        await bob.call("Ada")
        assert await bob.client.forget_contact((await bob.contact("Ada")).contact)
        assert (await bob.told(e.ContactForgotten)).by is Who.YOU
        assert (await ada.told(e.ContactForgotten)).by is Who.PARTNER
        assert await ada.client.contacts() == await bob.client.contacts() == ()
        assert ada.client.verification() == bob.client.verification() is not None


async def test_forgetting_reaches_who_only_waits(relay: RunningRelay, tmp_path: Path) -> None:
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await known(relay, ada, bob)
        ada.client.wait_for_contacts(None)
        await until(waits(ada))
        await bob.client.forget_contact((await bob.contact("Ada")).contact)
        assert (await ada.told(e.ContactForgotten)).by is Who.PARTNER
        assert await ada.client.contacts() == ()
        await until(lambda: not ada.inner.reaching.waited_for)


async def test_who_was_away_when_they_were_forgotten_is_told_nothing_and_meets_nobody(
    relay: RunningRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager, "TELLING", 0.2)
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await known(relay, ada, bob)
        await ada.end()
        gone = (await bob.contact("Ada")).contact
        assert await bob.client.forget_contact(gone)
        assert not await bob.client.forget_contact(gone)
        with pytest.raises(UnknownContact):
            await bob.client.call(gone)
        bob.client.wait_for_contacts(None)
        await ada.start(relay.url)
        calling = asyncio.create_task(ada.call("Bob"))
        await until(waits(ada))
        assert not waits(bob)()
        calling.cancel()
        with suppress(asyncio.CancelledError):
            await calling
        assert (await ada.contact("Bob")).doubted is False


@pytest.mark.parametrize("off", [-EDGE, EDGE], ids=["ten minutes behind", "ten minutes ahead"])
async def test_clocks_that_differ(relay: RunningRelay, tmp_path: Path, off: int) -> None:
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await known(relay, ada, bob)
        edge = int(time.time()) // HOUR * HOUR
        ada.inner.reaching.clock = lambda: edge - 1
        bob.inner.reaching.clock = lambda: edge - 1 + off
        ada.client.wait_for_contacts(None)
        await bob.call("Ada")
        await ada.told(e.Paired, partner="Bob")


async def test_the_hour_changes_while_both_wait(relay: RunningRelay, tmp_path: Path) -> None:
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await known(relay, ada, bob)
        now = 1_000_000 * HOUR + HOUR // 2
        ada.inner.reaching.clock = lambda: now
        ada.client.wait_for_contacts(None)
        await until(waits(ada))
        (first,) = _places(ada)
        now += HOUR
        await until(lambda: waits(ada)() and _places(ada).isdisjoint({first}))
        # Who is there an hour later meets them; at the place of the hour before is nobody.
        bob.inner.reaching.clock = lambda: now
        await bob.call("Ada")
        await ada.told(e.Paired, partner="Bob")


@pytest.mark.parametrize("step", ["propose", "follow", "settle"])
@pytest.mark.parametrize("who", ["Ada", "Bob"])
async def test_whoever_ends_in_the_middle_of_a_renewal_is_met_again(
    who: str, step: str, relay: RunningRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that ends before or after a step is written, in front of a real relay."""
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await known(relay, ada, bob)
        ending = ada if who == "Ada" else bob
        reached = asyncio.Event()
        book = ending.inner._book
        write = getattr(book, step)

        async def hang(*arguments: object) -> object:
            if not reached.is_set():
                await write(*arguments)  # it is on the disk, and nobody is told
            reached.set()
            return await asyncio.Event().wait()

        monkeypatch.setattr(book, step, hang)
        ada.client.wait_for_contacts(None)
        calling = asyncio.create_task(bob.call("Ada"))
        side = (await ending.inner._book.all())[0].side
        if step == ("follow" if side == "maker" else "propose"):
            await calling  # this side never takes that step
            assert not reached.is_set()
        else:
            async with asyncio.timeout(20):
                await reached.wait()
            calling.cancel()
            with suppress(asyncio.CancelledError):
                await calling
        monkeypatch.undo()
        for each in (ada, bob):
            await each.restart(relay.url)
        ada.client.wait_for_contacts(None)
        await bob.call("Ada")
        (of_ada,), (of_bob,) = await ada.inner._book.all(), await bob.inner._book.all()
        await ada.told(e.Paired, partner="Bob")
        assert not of_ada.doubted
        assert not of_bob.doubted


@pytest.mark.parametrize("maker", ["Ada", "Bob"])
async def test_who_waits_is_killed_before_the_session_begins_there(
    maker: str, relay: RunningRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller has met them and asks; the next process answers."""
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await known(relay, *((ada, bob) if maker == "Ada" else (bob, ada)))
        sessions, ended = ada.client._sessions, asyncio.Event()

        def begin(*_: object) -> SessionId:
            ended.set()
            raise FileSendError("the process ended here")

        monkeypatch.setattr(sessions, "begin", begin)
        monkeypatch.setattr(sessions, "unrecord", lambda _: None)
        ada.client.wait_for_contacts(None)
        session = await bob.call("Ada")
        async with asyncio.timeout(20):
            await ended.wait()
        await ada.restart(relay.url)
        await ada.client.return_to(None)
        note = tmp_path / "note"
        note.write_text("asked before they were back")
        await bob.client.request([note], to=session)
        assert (await ada.told(e.FileRequest)).partner == "Bob"


async def test_who_leaves_in_mid_meeting_leaves_no_session_behind(
    relay: RunningRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await known(relay, bob, ada)
        journal, reached = ada.inner._book._journal, asyncio.Event()

        async def hang(*_: object) -> bool:
            reached.set()
            return await asyncio.Event().wait()

        monkeypatch.setattr(bob.inner._book, "settle", hang)
        ada.client.wait_for_contacts(None)
        calling = asyncio.create_task(bob.call("Ada"))
        async with asyncio.timeout(20):
            await reached.wait()
        assert len(await journal.sessions()) == 1  # recorded before it said so
        calling.cancel()
        with suppress(asyncio.CancelledError):
            await calling
        async with asyncio.timeout(20):
            while await journal.sessions():
                await asyncio.sleep(0.01)


async def test_they_meet_at_a_tracker_alone(relay: RunningRelay, tmp_path: Path) -> None:
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await known(relay, ada, bob)
        for each in (ada, bob):
            await each.restart()
            await each.client.connect_to_tracker(relay.tracker)
        ada.client.wait_for_contacts(None)
        session = await bob.call("Ada")
        await ada.told(e.Paired, partner="Bob")
        await bob.client.say("by a tracker", to=session)
        await ada.told(e.Message, text="by a tracker", outgoing=False)


async def test_another_program_of_the_same_person_waits_for_nobody_twice(
    relay: RunningRelay, tmp_path: Path
) -> None:
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await known(relay, ada, bob)
        ada.client.wait_for_contacts(None)
        await until(lambda: ada.inner.reaching.waited_for)
        second = Friend("Ada", tmp_path / "second")
        second.state = ada.state
        try:
            await second.start(relay.url)
            second.client.wait_for_contacts(None)
            # And it calls beside the one that waits, which keeps what it has.
            bob.client.wait_for_contacts(None)
            await second.call("Bob")
            await bob.told(e.Paired, partner="Ada", contact=(await bob.contact("Ada")).contact)
            assert not second.inner.reaching.waited_for
            await ada.call("Bob")
            assert not (await bob.contact("Ada")).doubted
            await ada.end()
            second.inner.reaching.changed()
            await until(lambda: second.inner.reaching.waited_for)
        finally:
            await second.end()


def _places(friend: Friend) -> set[bytes]:
    (place,) = friend.client._sessions.places
    return set(place.lobby._arrivals)


def test_the_labels_are_all_different() -> None:
    labels = [getattr(keys, name) for name in dir(keys)]
    ours = [each for each in labels if isinstance(each, bytes)]
    assert len(ours) == 6
    assert len({each.rstrip(b"/") for each in ours}) == len(ours)
