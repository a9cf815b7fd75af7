"""A standing receiver and its contacts: real clients, a real relay, real disks."""

from __future__ import annotations

import asyncio
import io
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.client import Client
from filesend_tui.core.errors import ContactAway, Declined, UnknownContact
from filesend_tui.core.events import Allowance
from filesend_tui.headless.asking import Asker
from filesend_tui.headless.contacts.calling import Whom
from filesend_tui.headless.contacts.hook import Hook
from filesend_tui.headless.contacts.rules import Rules
from filesend_tui.headless.contacts.standing import listen
from filesend_tui.headless.outcome import Told
from filesend_tui.headless.paired import Places, send
from tests.conftest import RunningRelay
from tests.contacts.friends import Friend, befriend, friends

#: Writes what the command of a transfer is told into a file.
SAY = "import sys; open(sys.argv[1], 'w').write(sys.argv[2])"


def nobody() -> Asker:
    """An asker where nobody can be asked."""
    return Asker(os.open(os.devnull, os.O_RDONLY), io.StringIO())


def at(relay: RunningRelay) -> Places:
    async def open_(client: Client) -> None:
        if relay.url not in client.places:
            await client.connect(relay.url)

    async def page() -> str | None:
        return None

    return Places(open_, relay.url, beyond=False, page=page)


async def known(relay: RunningRelay, one: Friend, *others: Friend) -> None:
    for each in (one, *others):
        await each.start(relay.url)
    for other in others:
        await befriend(one, other)


@asynccontextmanager
async def listening(
    friend: Friend,
    relay: RunningRelay,
    *names: str,
    accept_all: bool,
    most: int | None = None,
    hook: Hook | None = None,
) -> AsyncIterator[None]:
    rules = Rules(accept_all, most, friend.output)
    task = asyncio.create_task(
        listen(friend.client, at(relay), names, nobody(), rules=rules, hook=hook)
    )
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def give(relay: RunningRelay, friend: Friend, path: Path, to: str = "Ada") -> None:
    await send(friend.client, at(relay), [path], None, nobody(), to=Whom(to, 60.0))


async def test_it_takes_from_three_contacts_at_the_same_time(
    relay: RunningRelay, tmp_path: Path
) -> None:
    async with friends(tmp_path, "Ada", "Bob", "Cid", "Dan") as (ada, *others):
        await known(relay, ada, *others)
        for other in others:
            (tmp_path / f"{other.name}.bin").write_bytes(other.name.encode() * 50_000)
        async with listening(ada, relay, accept_all=True):
            await asyncio.gather(
                *(give(relay, other, tmp_path / f"{other.name}.bin") for other in others)
            )
        for other in others:
            assert (ada.output / f"{other.name}.bin").read_bytes() == other.name.encode() * 50_000


async def test_what_is_not_allowed_is_declined_with_a_reason_and_what_is_is_taken(
    relay: RunningRelay, tmp_path: Path
) -> None:
    (tmp_path / "note.txt").write_bytes(b"n" * 100)
    (tmp_path / "big.txt").write_bytes(b"b" * 10_000)
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await known(relay, ada, bob)
        contact = (await ada.contact("Bob")).contact
        own = tmp_path / "of-bob"
        own.mkdir()
        async with listening(ada, relay, "bob", accept_all=False):
            with pytest.raises((Declined, Told), match="without asking"):
                await give(relay, bob, tmp_path / "note.txt")
            await bob.restart(relay.url)
            await ada.client.allow_contact(
                contact, Allowance(folder=str(own), size=5_000, kinds=("*.TXT",))
            )
            with pytest.raises((Declined, Told), match="more than"):
                await give(relay, bob, tmp_path / "big.txt")
            await bob.restart(relay.url)
            await give(relay, bob, tmp_path / "note.txt")
        assert [path.name for path in own.iterdir()] == ["note.txt"]
        assert list(ada.output.iterdir()) == []


async def test_a_name_that_nobody_has_tells_the_names(relay: RunningRelay, tmp_path: Path) -> None:
    async with friends(tmp_path, "Ada", "Bob", "Cid") as (ada, bob, cid):
        await known(relay, ada, bob, cid)
        with pytest.raises(UnknownContact) as unknown:
            await give(relay, ada, tmp_path, to="Zoe")
        assert "Bob" in unknown.value.hint
        assert "Cid" in unknown.value.hint
        with pytest.raises(UnknownContact):
            await listen(
                ada.client, at(relay), ["Zoe"], nobody(), rules=Rules(True, None, ada.output)
            )


async def test_who_does_not_come_in_time_is_away(relay: RunningRelay, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_bytes(b"n")
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await known(relay, ada, bob)
        away = Whom("BOB", 0.2)
        with pytest.raises(ContactAway):
            await send(ada.client, at(relay), [tmp_path / "note.txt"], None, nobody(), to=away)
        assert (await ada.told(e.Calling)).name == "Bob"


async def test_a_relay_that_comes_later_is_found(relay: RunningRelay, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_bytes(b"n")
    async with friends(tmp_path, "Ada", "Bob") as (ada, bob):
        await known(relay, ada, bob)
        await ada.restart()
        async with listening(ada, relay, accept_all=True):
            await give(relay, bob, tmp_path / "note.txt")
        assert (ada.output / "note.txt").read_bytes() == b"n"


async def test_what_was_under_way_goes_on_once_it_is_started_again(
    relay: RunningRelay, tmp_path: Path
) -> None:
    """The sender waits meanwhile; the command runs for it as for any other."""
    data = random.Random(3).randbytes(3_000_000)
    (tmp_path / "big.bin").write_bytes(data)
    async with friends(tmp_path, "Ada", "Bob", "Cid") as (ada, bob, cid):
        await known(relay, ada, bob, cid)
        bob.client.limit(upload=500_000, download=None)
        async with listening(ada, relay, accept_all=True):
            sending = asyncio.create_task(give(relay, bob, tmp_path / "big.bin"))
            await ada.told(e.Download)
        await ada.end(keep=True)
        await ada.start(relay.url)
        (left,) = await ada.client.unfinished()
        bobs = (await ada.contact("Bob")).contact
        assert left.contact == bobs
        (tmp_path / "note.txt").write_bytes(b"n")
        async with listening(ada, relay, "Cid", accept_all=True):  # what Bob sends is not for it
            await give(relay, cid, tmp_path / "note.txt")
            assert not (await ada.client.unfinished())[0].running
        said = tmp_path / "said"
        hook = Hook((sys.executable, "-c", SAY, str(said)))
        async with listening(ada, relay, accept_all=False, hook=hook):  # the yes was said before
            bob.client.limit(upload=None, download=None)
            await sending
            assert (await ada.told(e.CommandEnded)).failure == ""
        assert (ada.output / "big.bin").read_bytes() == data
        assert said.read_text() == str((ada.output / "big.bin").resolve())
