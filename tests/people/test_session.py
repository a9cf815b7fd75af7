from __future__ import annotations

import pytest

from filesend_tui.core.people.pairing import SharedKey
from filesend_tui.core.people.session import PlainCodec, Session, partner_name
from relay.protocol import Done, Hello, Message, Word


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


class Reversing:
    """A codec that can be seen to have been at work."""

    def encode(self, word: Word) -> Word:
        assert isinstance(word, Message)
        return Message(text=word.text[::-1])

    decode = encode


async def test_every_word_passes_through_the_codec() -> None:
    sent: list[Word] = []

    async def send(word: Word) -> Done:
        sent.append(word)
        return Done()

    session = Session(SharedKey(bytes(32), "a b c"), send, Reversing())
    await session.send(Message(text="abc"))
    assert sent == [Message(text="cba")]
    assert session.receive(Message(text="cba")) == Message(text="abc")


async def test_a_session_does_not_show_its_key() -> None:
    async def send(word: Word) -> None: ...

    session = Session(SharedKey(b"k" * 32, "acrobat violin umbrella"), send, PlainCodec())
    session.introduce(Hello(name="Ada"))
    assert repr(session) == "Session(partner='Ada')"
