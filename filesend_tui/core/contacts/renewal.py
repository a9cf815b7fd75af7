"""One meeting of two who remember each other: each proves who they are, and the secret is replaced.

    both    check    proofs of the secrets held, the number of the last renewal known
    maker   renew    the number of this one, counted on its disk before
    joiner  renewed  it keeps the new secret, beside the one before
    maker   renewed  it keeps the new secret alone; then the joiner does, too

Maker and joiner are the sides of when the two were introduced. The joiner holds two secrets for a
moment, and shows both in a check, so that wherever either side ends in between, one is common. A
session begins only after that, so whoever comes with a copy moves the secret on, and who comes
after them with the original is seen to be behind; as is who proposes a renewal that was numbered
before. Either then says `doubted`, and there is no session.

What is said goes through a room of a place (sealed, in order); waiting there is reaching.py's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import StrEnum
from typing import Final, NamedTuple

from filesend_tui.core.contacts import keys
from filesend_tui.core.contacts.book import Book
from filesend_tui.core.errors import ContactDoubted, FileSendError, PairingFailed, RelayTampered
from filesend_tui.core.journal.records import ContactRecord
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.pairing_handshake import Agreed
from relay.protocol.words import ContactStep

#: Timeout in seconds for all steps; the other side's disk may be slow.
TIMEOUT: Final = 20.0

_AGAIN: Final = "Try again."


class Purpose(StrEnum):
    """What a caller comes for."""

    SESSION = "session"
    LOOK = "look"
    FORGET = "forget"


class OwnSide(Exception):
    """Who came is this side's own: another program of this person, or a copy."""


class Visit(NamedTuple):
    """Whom a meeting is with. purpose: what this side comes for; None where it waited."""

    book: Book
    contact: str
    purpose: Purpose | None = None


class Meeting:
    """One meeting.

    Args:
        visit: Whom it is with, and what for.
        agreed: What the two agreed on in the room.
        say: Says a step in the room.
        heard: Returns the next step of the other side; both raise FileSendError.
        beginning: Called with the contact before this side says the step after which the other
            begins a session: what it hands to the journal is recorded when that step is said.
    """

    def __init__(
        self,
        visit: Visit,
        agreed: Agreed,
        say: Callable[[ContactStep], Awaitable[None]],
        heard: Callable[[], Awaitable[ContactStep]],
        beginning: Callable[[ContactRecord], None] = lambda _: None,
    ) -> None:
        self._book, self._id, self._purpose = visit
        self._shared = agreed.shared
        self._say = say
        self._heard = heard
        self._beginning = beginning

    async def run(self) -> tuple[ContactRecord, Purpose]:
        """Meet; return the contact as it was before, and what the caller comes for.

        Raises:
            ContactDoubted: Somebody has used a copy. It is noted, and the other side told.
            OwnSide: It is another program of this person's.
            PairingFailed: The other side left, took too long or makes no sense.
            FileSendError: The contact is not there any more, or it cannot be written.
        """
        try:
            async with asyncio.timeout(TIMEOUT):
                return await self._run()
        except TimeoutError:
            raise PairingFailed("The other side did not finish meeting in time.", _AGAIN) from None

    async def _run(self) -> tuple[ContactRecord, Purpose]:
        known = await self._book.require(self._id)
        side = Side(known.side)
        held = [each for each in (known.next, known.secret) if each]
        await self._say(
            ContactStep(
                step="check",
                side=side,
                proofs=[keys.proof(each, self._shared, side) for each in held],
                attempt=known.attempt,
                purpose=self._purpose or Purpose.SESSION,
            )
        )
        check = await self._next("check")
        if check.side != side.other:
            raise OwnSide
        base = self._common(held, check, side.other)
        if side is Side.MAKER and base is not None:
            # As it is now: this side's other programs number renewals, too.
            now = await self._book.require(self._id)
            base = base if check.attempt <= now.attempt else None
        if base is None or known.doubted:
            await self._doubt(told=False)
        purpose = self._purpose or _purpose(check.purpose)
        if purpose is Purpose.SESSION:
            await (self._propose if side is Side.MAKER else self._follow)(base or b"", known)
        return known, purpose

    def _common(self, held: list[bytes], check: ContactStep, other: Side) -> bytes | None:
        """Return the newest secret that both hold, if any."""
        for secret in held:
            if any(keys.proves(said, secret, self._shared, other) for said in check.proofs):
                return secret
        return None

    async def _propose(self, base: bytes, known: ContactRecord) -> None:
        counted = await self._book.propose(self._id)
        if counted is None:
            raise _unwritten()
        if counted.secret != base:
            raise _at_once()
        attempt = counted.attempt
        await self._say(ContactStep(step="renew", attempt=attempt))
        await self._next("renewed")
        following = keys.following(base, self._shared, attempt)
        self._beginning(known)
        if not await self._book.settle(self._id, attempt, following):
            raise _at_once()
        await self._say(ContactStep(step="renewed"))

    async def _follow(self, base: bytes, known: ContactRecord) -> None:
        attempt = (await self._next("renew")).attempt
        following = keys.following(base, self._shared, attempt)
        self._beginning(known)
        if not await self._book.follow(self._id, base, attempt, following):
            raise _at_once()
        await self._say(ContactStep(step="renewed"))
        await self._next("renewed")
        if not await self._book.settle(self._id, attempt, following):
            raise _at_once()

    async def _next(self, step: str) -> ContactStep:
        said = await self._heard()
        if said.step == "doubted":
            await self._doubt(told=True)
        if said.step != step:
            raise RelayTampered("Who came does not meet as a contact does.")
        return said

    async def _doubt(self, *, told: bool) -> None:
        await self._book.doubt(self._id)
        if not told:
            with suppress(FileSendError):  # they may be gone
                await self._say(ContactStep(step="doubted"))
        raise ContactDoubted(
            "Somebody else has used a copy of what you two remember of each other, so it is not "
            "used any more."
        )


def _purpose(said: str) -> Purpose:
    return Purpose(said) if said in list(Purpose) else Purpose.LOOK


def _at_once() -> PairingFailed:
    return PairingFailed("Another program of yours met them at the same moment.", _AGAIN)


def _unwritten() -> FileSendError:
    return FileSendError(
        "What is remembered cannot be written, so nobody is met by it.",
        "Check the disk of the state folder.",
    )
