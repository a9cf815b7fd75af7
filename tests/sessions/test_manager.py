"""Two people at a real relay: meeting, talking, parting, and what remains of it."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from filesend_tui.core import errors, events
from filesend_tui.core.relay_client import connection
from filesend_tui.core.relay_client.connection import RelayConnection
from filesend_tui.core.relay_client.messages import SealedMessage
from filesend_tui.core.sessions import pairing_handshake
from filesend_tui.core.sessions.code import Code, parse_code, word_list
from relay.protocol import words
from tests.conftest import RunningRelay
from tests.people import Links, NewPerson

#: What is told about a code, and what comes of it.
Told = events.Code | events.CodeClaimed | events.CodeGone | events.Paired


def other_words(code: str) -> str:
    """Return the same nameplate with other words."""
    parsed = parse_code(code)
    return Code(parsed.nameplate, tuple(w for w in word_list() if w not in parsed.words)[:2]).text


async def test_two_people_pair_and_talk(relay: RunningRelay, new_person: NewPerson) -> None:
    ada, bob = await new_person("Ada"), await new_person("Bo\u202eb\n")
    code = await ada.people.create_code()
    shown = await ada.until(events.Code)
    assert shown.code == code
    assert 0 < shown.expires_seconds <= 600
    assert code not in repr(shown)
    await bob.people.join(f" {code.upper().replace('-', ' ')} ")
    assert bob.partner == "Ada"
    assert (await ada.until(events.Paired)).partner == "Bob"
    assert (await bob.until(events.Paired)).partner == "Ada"
    assert ada.people.verification() == bob.people.verification() is not None
    await ada.people.say("hello \u202eBob")
    (ours,), (theirs,) = ada.people.partners, bob.people.partners
    assert await bob.until(events.Message) == events.Message(
        session=theirs, partner="Ada", text="hello Bob"
    )
    assert await ada.until(events.Message) == events.Message(
        session=ours, partner="Bob", text="hello Bob", outgoing=True
    )
    # Nothing that was published tells the key.
    verification = ada.people.verification()
    assert verification is not None
    assert verification not in repr(ada.log) + repr(ada.people.__dict__)


async def test_whoever_takes_a_text_and_leaves_at_once_has_taken_it(
    new_person: NewPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = await new_person("Ada"), await new_person("Bob")
    await bob.people.join(await ada.people.create_code())
    await ada.until(events.Paired)
    (place,) = ada.people.places
    send, gone = place.connection.send, asyncio.Event()

    async def answered_late(room: words.Room, word: SealedMessage | words.PairingWord) -> None:
        await send(room, word)
        await gone.wait()

    monkeypatch.setattr(place.connection, "send", answered_late)
    sending = asyncio.create_task(ada.people.partner().send_text("a text", wait=20))
    await bob.until(events.Text)
    await bob.people.leave()
    await ada.until(events.PartnerGone)
    gone.set()
    assert await sending
    kinds = [type(event) for event in ada.log]
    assert kinds.index(events.Text) < kinds.index(events.PartnerGone)


async def test_a_person_without_a_name_is_somebody(new_person: NewPerson) -> None:
    ada, bob = await new_person("\u200b"), await new_person("x" * 500)
    await bob.people.join(await ada.people.create_code())
    assert bob.partner == "somebody"
    assert len((await ada.until(events.Paired)).partner) == 64


async def test_a_wrong_guess_burns_the_code_on_both_sides(new_person: NewPerson) -> None:
    ada, bob, eve = await new_person("Ada"), await new_person("Bob"), await new_person("Eve")
    code = await ada.people.create_code()
    with pytest.raises(errors.WrongCode) as wrong:
        await eve.people.join(other_words(code))
    assert not any(word in str(wrong.value) for word in code.split("-")[1:])
    assert "guessing" in wrong.value.message
    assert (await ada.until(events.CodeGone)).reason == "burned"
    assert (await ada.until(events.Error)).code == "wrongCode"
    with pytest.raises(errors.UsedCode):
        await bob.people.join(code)
    assert ada.partner is eve.partner is None
    await bob.people.join(await ada.people.create_code())
    assert bob.partner == "Ada"


async def test_a_wrong_try_at_anothers_code_costs_the_own_one_and_says_so(
    new_person: NewPerson,
) -> None:
    ada, bob, eve = await new_person("Ada"), await new_person("Bob"), await new_person("Eve")
    own = await eve.people.create_code()
    with pytest.raises(errors.WrongCode):
        await eve.people.join(other_words(await ada.people.create_code()))
    assert (await eve.until(events.CodeGone)).reason == "joined"
    with pytest.raises(errors.ExpiredCode, match="given up"):
        await bob.people.join(own)
    await ada.until(events.CodeGone, reason="burned")
    kinds = [type(event) for event in ada.log if isinstance(event, Told)]
    assert kinds == [events.Code, events.CodeClaimed, events.CodeGone]


@pytest.mark.parametrize(
    ("typed", "kind"),
    [("nonsense", errors.InvalidCode), ("999999-acrobat-violin", errors.UnknownCode)],
)
async def test_a_code_that_does_not_exist(
    typed: str, kind: type[Exception], new_person: NewPerson
) -> None:
    ada = await new_person("Ada")
    mine = await ada.people.create_code()
    with pytest.raises(kind):
        await ada.people.join(typed)
    assert not any(isinstance(event, events.CodeGone) for event in ada.log)
    # A slip while typing does not cost the own code.
    bob = await new_person("Bob")
    await bob.people.join(mine)
    await ada.until(events.Paired)


async def test_ones_own_code_is_for_the_other(new_person: NewPerson) -> None:
    ada = await new_person("Ada")
    with pytest.raises(errors.PairingFailed, match="your own"):
        await ada.people.join(await ada.people.create_code())


async def test_a_new_code_replaces_the_one_before(new_person: NewPerson) -> None:
    ada, bob = await new_person("Ada"), await new_person("Bob")
    first = await ada.people.create_code()
    second = await ada.people.create_code()
    with pytest.raises(errors.PairingFailed):
        await bob.people.join(first)
    await bob.people.join(second)


async def test_both_make_a_code_and_one_joins_the_other(new_person: NewPerson) -> None:
    ada, bob, eve = await new_person("Ada"), await new_person("Bob"), await new_person("Eve")
    own = await ada.people.create_code()
    await ada.people.join(await bob.people.create_code())
    await bob.until(events.Paired)
    assert (await ada.until(events.CodeGone)).reason == "joined"
    with pytest.raises(errors.ExpiredCode, match="given up"):
        await eve.people.join(own)


async def test_leaving_is_told_and_both_can_pair_again(new_person: NewPerson) -> None:
    ada, bob = await new_person("Ada"), await new_person("Bob")
    for _ in range(2):
        await bob.people.join(await ada.people.create_code())
        await ada.until(events.Paired)
        await bob.people.leave()
        await bob.people.leave()
        gone = await ada.until(events.PartnerGone)
        assert (gone.partner, gone.reason) == ("Bob", "left")
        assert ada.partner is bob.partner is None
        with pytest.raises(errors.NotPaired):
            await ada.people.say("hello?")
        ada.log.clear()
    assert not [e for e in bob.log if isinstance(e, events.PartnerGone)]


async def test_a_relay_that_goes_away_takes_codes_along(
    relay: RunningRelay, new_person: NewPerson
) -> None:
    """Not the sessions: see test_coming_back.py."""
    ada, bob, eve = await new_person("Ada"), await new_person("Bob"), await new_person("Eve")
    await bob.people.join(await ada.people.create_code())
    await ada.until(events.Paired)
    await eve.people.create_code()
    await asyncio.to_thread(relay.stop)
    for person in (ada, bob):
        assert (await person.until(events.PartnerAway)).reason == "relay"
        assert person.partner is not None
    assert (await eve.until(events.CodeGone)).reason == "relay"
    assert (await eve.until(events.Relay, state="lost")).url == relay.url
    assert (await eve.until(events.RelayAway)).url == relay.url
    with pytest.raises(errors.RelayUnreachable):
        await eve.people.create_code()


async def test_who_leaves_the_relay_leaves_everybody(
    relay: RunningRelay, new_person: NewPerson
) -> None:
    ada, bob = await new_person("Ada"), await new_person("Bob")
    await bob.people.join(await ada.people.create_code())
    await bob.people.connect(relay.url)
    assert (await bob.until(events.PartnerGone)).reason == "relay"
    assert bob.partner is None


async def test_an_expired_code_is_told(
    short_lived_relay: RunningRelay, new_person: NewPerson
) -> None:
    ada, bob = (
        await new_person("Ada", short_lived_relay),
        await new_person("Bob", short_lived_relay),
    )
    code = await ada.people.create_code()
    assert (await ada.until(events.CodeGone)).reason == "expired"
    with pytest.raises(errors.ExpiredCode):
        await bob.people.join(code)


async def test_who_goes_away_while_pairing_burns_the_code(
    relay: RunningRelay, new_person: NewPerson, links: Links
) -> None:
    ada = await new_person("Ada")
    code = parse_code(await ada.people.create_code())
    eve = await links(relay.url)
    await eve.claim(code.nameplate)
    await eve.leave()
    assert (await ada.until(events.CodeGone)).reason == "burned"
    assert (await ada.until(events.Error)).code == "pairingFailed"


async def test_who_says_nothing_while_pairing_is_left(
    relay: RunningRelay, new_person: NewPerson, links: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairing_handshake, "TIMEOUT", 0.3)
    ada = await new_person("Ada")
    code = parse_code(await ada.people.create_code())
    eve = await links(relay.url)
    await eve.claim(code.nameplate)
    assert (await ada.until(events.CodeGone)).reason == "burned"
    await eve.until(lambda: words.PartnerGone(room=eve.room, reason="left") in eve.words)


async def test_who_talks_too_much_while_pairing_is_left(
    relay: RunningRelay, new_person: NewPerson, links: Links
) -> None:
    ada = await new_person("Ada")
    code = parse_code(await ada.people.create_code())
    eve = await links(relay.url)
    await eve.claim(code.nameplate)
    await asyncio.gather(
        *(eve.tell(words.Pake(body=b"!")) for _ in range(100)), return_exceptions=True
    )
    assert (await ada.until(events.CodeGone)).reason == "burned"
    assert not [e for e in ada.log if isinstance(e, events.Message)]


async def test_nobody_gets_in_without_saying_hello_last(
    relay: RunningRelay, new_person: NewPerson, links: Links
) -> None:
    """Eve knows the code, proves it, and then does not introduce herself."""
    ada = await new_person("Ada")
    eve = await links(relay.url)
    await eve.prove(parse_code(await ada.people.create_code()))
    await eve.tell(words.Message(text="let me in"))
    assert (await ada.until(events.CodeGone)).reason == "burned"
    assert ada.partner is None


async def test_words_right_after_pairing_keep_their_order(
    relay: RunningRelay, new_person: NewPerson, links: Links
) -> None:
    ada = await new_person("Ada")
    bob = await links(relay.url)
    await bob.prove(parse_code(await ada.people.create_code()))
    said: list[words.Word] = [words.Hello(name="Bob")]
    said += [words.Message(text=str(i)) for i in range(20)]
    await asyncio.gather(*(bob.tell(word) for word in said))
    await ada.until(events.Message, text="19")
    texts = [e.text for e in ada.log if isinstance(e, events.Message)]
    assert texts == [str(i) for i in range(20)]


async def test_joining_can_be_given_up(
    relay: RunningRelay, new_person: NewPerson, links: Links
) -> None:
    eve, bob = await links(relay.url), await new_person("Bob")
    allocated = await eve.call(words.Allocate(), words.Allocated)
    joining = asyncio.create_task(
        bob.people.join(f"{allocated.nameplate}-{word_list()[0]}-{word_list()[1]}")
    )
    await eve.until(lambda: eve.words)
    joining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await joining
    await eve.until(lambda: words.PartnerGone(room=eve.room, reason="left") in eve.words)
    assert await bob.people.create_code()


async def test_a_lost_relay_ends_pairing(
    relay: RunningRelay, new_person: NewPerson, links: Links
) -> None:
    eve, bob = await links(relay.url), await new_person("Bob")
    allocated = await eve.call(words.Allocate(), words.Allocated)
    joining = asyncio.create_task(
        bob.people.join(f"{allocated.nameplate}-{word_list()[0]}-{word_list()[1]}")
    )
    await eve.until(lambda: len(eve.words) == 2)  # claimed, pake
    await asyncio.to_thread(relay.stop)
    with pytest.raises(errors.RelayUnreachable):
        await asyncio.wait_for(joining, 5)


@pytest.mark.parametrize("text", ["", "x" * 4001])
async def test_messages_are_bounded(text: str, new_person: NewPerson) -> None:
    ada, bob = await new_person("Ada"), await new_person("Bob")
    await bob.people.join(await ada.people.create_code())
    with pytest.raises(errors.FileSendError, match=r"message|nothing to say"):
        await bob.people.say(text)
    await bob.people.say("y" * 4000)
    assert (await ada.until(events.Message)).text == "y" * 4000


async def test_nothing_is_left_after_destroying(new_person: NewPerson) -> None:
    before = asyncio.all_tasks()
    ada, bob = await new_person("Ada"), await new_person("Bob")
    await bob.people.join(await ada.people.create_code())
    for person in (ada, bob):
        await person.people.destroy()
        await person.people.destroy()
        assert (await person.until(events.Relay, state="closed")).state == "closed"
    for person in (ada, bob):
        person.close()
    await asyncio.gather(*(p.watching for p in (ada, bob)))
    assert asyncio.all_tasks() == before


async def test_nothing_is_left_of_who_pairs_while_this_side_leaves(
    new_person: NewPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = await new_person("Ada"), await new_person("Bob")
    close = RelayConnection.close

    async def closes_late(connection: RelayConnection) -> None:
        await ada.until(events.Paired)
        await close(connection)

    before = asyncio.all_tasks()
    joining = asyncio.create_task(bob.people.join(await ada.people.create_code()))
    monkeypatch.setattr(ada.relay, "close", partial(closes_late, ada.relay))
    await ada.people.destroy()
    await joining
    assert not ada.people.ids
    await bob.people.destroy()
    assert asyncio.all_tasks() <= before


async def test_without_a_relay_or_a_partner(tmp_path: Path, new_person: NewPerson) -> None:
    ada = await new_person("Ada")
    for doing in (
        ada.people.say("hello?"),
        ada.people.request([tmp_path]),
        ada.people.answer("0" * 16, [True]),
    ):
        with pytest.raises(errors.NotPaired):
            await doing
    await ada.people.cancel("0" * 16)
    await ada.people.leave()
    assert connection.CALL_TIMEOUT < 60
