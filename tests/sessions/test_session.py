from __future__ import annotations

import asyncio

import pytest

from filesend_tui.core.relay_client.messages import SealedMessage
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.pairing import SharedKey
from filesend_tui.core.sessions.session import Session, partner_name
from relay.protocol.words import Done, Hello, Message, parse


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Ada", "Ada"),
        ("  Ada\n", "Ada"),
        ("", "somebody"),
        (" \u200b\u202e ", "somebody"),
        ("Ada\x1b[31m\u202etxt.exe", "Ada[31mtxt.exe"),
        ("x" * 64, "x" * 64),
    ],
)
def test_names_are_made_harmless(said: str, shown: str) -> None:
    assert partner_name(said) == shown


SHARED = SharedKey(b"k" * 32, b"t" * 32, "acrobat violin umbrella")


async def test_words_are_sealed_on_their_way_and_keep_their_order() -> None:
    sent: list[SealedMessage] = []
    acknowledged = asyncio.Event()

    async def send(letter: SealedMessage) -> Done:
        sent.append(letter)
        await acknowledged.wait()
        return Done()

    ada, bob = Session(SHARED, Side.MAKER, send), Session(SHARED, Side.JOINER, send)
    said = [Message(text=f"text number {i}") for i in range(20)]
    saying = [asyncio.create_task(ada.send(word)) for word in said]
    await asyncio.sleep(0)
    assert not any(b"text" in letter.body for letter in sent)
    assert [bob.receive(letter) for letter in sent] == said
    assert not any(task.done() for task in saying)
    acknowledged.set()
    await asyncio.gather(*saying)


async def test_a_session_does_not_show_its_key() -> None:
    async def send(letter: SealedMessage) -> None: ...

    session = Session(SHARED, Side.MAKER, send)
    session.introduce(Hello(name="Ada"))
    assert repr(session) == "Session(partner='Ada')"


@pytest.mark.parametrize(
    ("said", "heard"),
    [({}, "both"), ({"wants": "send"}, "send"), ({"wants": "to sing"}, "both")],
)
def test_what_a_partner_is_there_for(said: dict[str, str], heard: str) -> None:
    """Of an older or a newer version, too."""

    async def send(letter: SealedMessage) -> None: ...

    session = Session(SHARED, Side.MAKER, send)
    session.introduce(parse(Hello, {"name": "Ada"} | said))
    assert session.wants == heard
