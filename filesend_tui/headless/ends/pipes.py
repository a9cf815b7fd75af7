"""The commands of two paired people whose one end is a pipe: a stream sent, and one written on.

Files are paired.py's, and so is all about meeting. Which descriptor it is, is the command line's.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from filesend_tui.core import events
from filesend_tui.core.client import Client
from filesend_tui.core.errors import FileSendError, NotPaired, RequestGone
from filesend_tui.core.events import Wants
from filesend_tui.headless.asking import Asker, CannotAsk, ask_stream
from filesend_tui.headless.contacts.calling import Whom
from filesend_tui.headless.outcome import Outcome
from filesend_tui.headless.paired import (
    LAST_WORD,
    Places,
    cancel,
    code_to_join,
    follow,
    meet,
    refuse,
    until_sent,
    whom,
)

_ONLY_A_STREAM: Final = (
    "the receiver writes what comes into a pipe, which takes one stream: filesend send -"
)


class OnlyFiles(FileSendError):
    """Files were to be sent to somebody who writes on a stream."""

    code = "onlyFiles"
    default_hint = "Receive them into a folder with -o DIR, or have them sent as a stream."


async def send_stream(
    client: Client,
    places: Places,
    descriptor: int,
    name: str,
    *,
    code: str | None,
    asker: Asker,
    to: Whom | None = None,
) -> None:
    """Pair, and ask the partner to take what is read from a descriptor, to its end.

    Args:
        client: Not yet connected.
        places: Where it meets people.
        descriptor: What is read, once they said yes.
        name: What the partner sees.
        code: The other person's code; None makes one.
        asker: Asks about a relay that somebody else runs.
        to: A contact, who is waited for instead.

    Raises:
        UnknownContact, ContactAway, ContactDoubted: The contact.
        FileSendError: Why it ended without having arrived.
    """

    async def begin() -> None:
        client.request_stream(descriptor, name)

    called = await whom(client, to)
    stream = await meet(client, places, Wants.SEND, code, asker, called=called)
    await until_sent(client, stream, begin)


async def receive_stream(
    client: Client,
    places: Places,
    code: str | None,
    asker: Asker,
    descriptor: int,
    *,
    accept_all: bool,
    verify: bool = False,
    make_code: bool = False,
) -> None:
    """Pair by the other person's code, and write the stream that they send to a descriptor.

    Args:
        client: Not yet connected.
        places: Where it meets people.
        code: The other person's code; `-` or None reads it.
        asker: Reads the code, and asks whether to take the stream.
        descriptor: Where it goes.
        accept_all: Say yes without asking.
        verify: Have the verification words compared before any answer.
        make_code: Make a code for the other person, instead of reading theirs.

    Raises:
        CannotAsk: Standard input is no terminal and `accept_all` is off.
        OnlyFiles: The partner sent files.
        FileSendError: Any other reason why it ended.
    """
    if not accept_all and not asker.interactive:
        raise CannotAsk("Each request has to be accepted, and there is nobody to ask.")
    code = await code_to_join(code, asker, make_code=make_code)
    stream = await meet(client, places, Wants.RECEIVE, code, asker, verify=verify)
    taken = False

    async def decide(request: events.FileRequest) -> None:
        nonlocal taken
        with suppress(RequestGone, NotPaired):  # the event that ended it follows
            if not request.stream or taken:
                await refuse(client, request, _ONLY_A_STREAM)
                if not taken:
                    raise OnlyFiles(f"{request.partner} sends files, and a pipe takes a stream.")
                return
            if accept_all or await ask_stream(asker, request):
                taken = True
                await client.take_stream(request.transfer, descriptor)
            else:
                await refuse(client, request, "")

    outcome = Outcome()
    try:
        await follow(stream, outcome, decide)
        await client.settle(LAST_WORD)  # the sender waits to hear that it arrived
    except asyncio.CancelledError:
        await cancel(client, outcome.open_transfers)
        raise
