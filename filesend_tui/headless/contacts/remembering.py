"""The question whether two remember each other, around a transfer of `send` or `receive`."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from filesend_tui.core import events
from filesend_tui.core.client import Client
from filesend_tui.core.errors import FileSendError
from filesend_tui.headless.asking import Asker, ask_remember

#: Seconds that a run whose transfer is over waits for the other person's answer.
ANSWER: Final = 60.0
#: Seconds in which a yes of both becomes a contact.
SOON: Final = 10.0


class Remembering:
    """The question in one run; made once the two are paired.

    Args:
        client: The client.
        asker: Asks here, where the other side asked.
        wanted: This side says yes unasked, and asks.
    """

    def __init__(self, client: Client, asker: Asker, *, wanted: bool) -> None:
        self._client = client
        self._asker = asker
        self._wanted = wanted
        # It is read once the transfer is over: nothing else is to wait in it.
        self._stream = client.subscribe(
            events.RememberAsked,
            events.Remembered,
            events.RememberDeclined,
            events.PartnerGone,
        )
        self._asked: events.RememberAsked | None = None
        self._open = False

    async def begin(self) -> None:
        """Ask the other side, if that is wanted; a transfer does not wait for it."""
        if self._wanted:
            try:
                await self._client.remember()
                self._open = True
            except FileSendError as error:
                self._asker.show(f"{error.message} {error.hint}")

    async def end(self) -> None:
        """Have the question answered, once the transfer is over; where nobody can, with a no."""
        while self._stream.waiting:
            self._take(await anext(self._stream))
        try:
            if self._asked is not None and not self._wanted:
                await self._answer(self._asked)
            elif self._open:
                await self._until_answered(ANSWER)
        finally:
            self._stream.close()

    async def _answer(self, asked: events.RememberAsked) -> None:
        with suppress(FileSendError):  # they are gone
            if not self._asker.interactive:
                await self._client.decline_remembering(asked.session)
                return
            asking = asyncio.create_task(ask_remember(self._asker, asked.partner))
            leaving = asyncio.create_task(self._until_gone())
            try:
                await asyncio.wait({asking, leaving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                asking.cancel()
                leaving.cancel()
                await asyncio.wait({asking, leaving})
            if asking.cancelled() or not asking.result():
                await self._client.decline_remembering(asked.session)
                return
            self._open = True
            await self._client.remember(asked.session)
            await self._until_answered(SOON)

    async def _until_answered(self, seconds: float) -> None:
        with suppress(TimeoutError, StopAsyncIteration):
            async with asyncio.timeout(seconds):
                while self._open:
                    self._take(await anext(self._stream))

    async def _until_gone(self) -> None:
        async for event in self._stream:
            if isinstance(event, events.PartnerGone):
                return

    def _take(self, event: events.Event) -> None:
        match event:
            case events.RememberAsked(outgoing=False):
                self._asked = event
            case events.Remembered() | events.RememberDeclined() | events.PartnerGone():
                self._open = False
                self._asked = None
