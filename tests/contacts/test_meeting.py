"""Two who remember each other meet again with no code: real clients, journals and relays."""

from __future__ import annotations

from pathlib import Path

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.errors import FileSendError
from tests.conftest import RunningRelay, running_relay
from tests.contacts.friends import befriend, friends

THINGS = b"all that there is to send" * 1000


async def test_the_remembered_pair_sends_after_both_restarted_and_both_relays_changed(
    relay: RunningRelay, tmp_path: Path
) -> None:
    (tmp_path / "things.bin").write_bytes(THINGS)
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await ada.start(relay.url)
        await bob.start(relay.url)
        await befriend(ada, bob)
        await ada.end()
        await bob.end()
        with running_relay() as second, running_relay() as third:
            for turn, (sender, receiver) in enumerate(((ada, bob), (bob, ada)), start=1):
                await ada.restart(second.url, third.url)
                await bob.restart(third.url, second.url)
                receiver.client.wait_for_contacts(None)
                session = await sender.call(receiver.name)
                met = await receiver.told(e.Paired)
                assert (met.partner, met.contact) == (
                    sender.name,
                    (await receiver.contact(sender.name)).contact,
                )
                sent = await sender.client.request([tmp_path / "things.bin"], to=session)
                asked = await receiver.told(e.FileRequest)
                await receiver.client.answer(asked.transfer, [True])
                await sender.told(e.TransferState, transfer=sent, phase=e.TransferPhase.DONE)
                assert (receiver.output / "things.bin").read_bytes() == THINGS
                assert (await sender.contact(receiver.name)).meetings == turn
                assert (await receiver.contact(sender.name)).meetings == turn


async def test_each_names_the_other_as_they_like(relay: RunningRelay, tmp_path: Path) -> None:
    async with friends(tmp_path, "Ada", "Bob", "Bobby") as (ada, bob, other):
        for each in (ada, bob, other):
            await each.start(relay.url)
        await befriend(ada, bob)
        other.client.rename("bob")
        session = await other.client.join(await ada.client.create_code())
        ours = (await ada.told(e.Paired, partner="bob")).session
        await other.client.remember(session)
        await ada.told(e.RememberAsked, session=ours)
        await ada.client.remember(ours)
        assert (await ada.told(e.Remembered, session=ours)).name == "bob 2"
        with pytest.raises(FileSendError, match="already"):
            await ada.client.remember(ours)
        contact = await ada.contact("Bob")
        with pytest.raises(FileSendError, match="called BOB 2 already"):
            await ada.client.rename_contact(contact.contact, "BOB 2")
        renamed = await ada.client.rename_contact(contact.contact, "Robert\x1b[2J\u202e")
        assert (renamed.name, renamed.their_name) == ("Robert[2J", "Bob")
        assert renamed.session is None
        namesake = (await ada.contact("bob 2")).contact
        assert (await ada.client.rename_contact(namesake, "Bert")).session == ours


async def test_a_no_leaves_two_strangers(relay: RunningRelay, tmp_path: Path) -> None:
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await ada.start(relay.url)
        await bob.start(relay.url)
        await bob.client.join(await ada.client.create_code())
        await ada.told(e.Paired)
        await ada.client.remember()
        await bob.told(e.RememberAsked, outgoing=False)
        await bob.client.decline_remembering()
        await ada.told(e.RememberDeclined)
        # A yes after that asks anew: neither counts the other's of before.
        await bob.client.remember()
        await ada.told(e.RememberAsked, outgoing=False)
        assert await ada.client.contacts() == await bob.client.contacts() == ()


async def test_both_who_ask_at_once_have_said_yes(relay: RunningRelay, tmp_path: Path) -> None:
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await ada.start(relay.url)
        await bob.start(relay.url)
        await bob.client.join(await ada.client.create_code())
        await ada.told(e.Paired)
        for each in (ada, bob):
            await each.client.remember()
        for each in (ada, bob):
            await each.told(e.Remembered)
        (of_ada,), (of_bob,) = await ada.client.contacts(), await bob.client.contacts()
        assert (of_ada.name, of_bob.name) == ("Bob", "Ada")
        assert None not in (of_ada.session, of_bob.session)
