"""The commands of two paired people: send and receive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from filesend_tui.core import events
from filesend_tui.core.checks import Target, check_folder
from filesend_tui.core.client import Client
from filesend_tui.core.errors import (
    ExpiredCode,
    FileSendError,
    NoSpace,
    NotPaired,
    NotVerified,
    RelayUnreachable,
    RequestGone,
    StorageFailed,
)
from filesend_tui.core.event_stream import Subscription
from filesend_tui.core.events import Direction, Wants
from filesend_tui.headless.asking import Asker, CannotAsk, ask_approval, ask_code, ask_match
from filesend_tui.headless.outcome import Outcome, raised
from filesend_tui.headless.unattended import NOBODY


class FoundRelay(NamedTuple):
    """A relay's URL, and what is awaited before each reconnect: whether there still is one."""

    url: str
    again: Callable[[], Awaitable[bool]]


#: Finds the relay; raises RelayUnreachable.
FindRelay = Callable[[], Awaitable[FoundRelay]]
#: On the command line: read the code from standard input.
READ_CODE = "-"
#: Seconds that a run whose work is over waits for a partner who is away to hear of it.
LAST_WORD: Final = 60.0
#: Seconds that an interrupted run waits for the relay to forward its cancel.
_FAREWELL = 3.0
_ONLY_SENDS = "this side only sends: a filesend send takes nothing"
_NO_ROOM = "the receiver's disk has no room for them"
_NO_FOLDER = "nothing can be written to the receiver's folder"
_DIFFERENT = "The verification words were not the same here, so I disconnected."


class SamePurpose(FileSendError):
    """Both sides wait for the same: two senders, or two receivers."""

    code = "samePurpose"
    default_hint = "One of you sends, and the other receives."


#: The messages to two senders or two receivers: what happened, and what to do.
_SAME: Final[Mapping[Wants, Callable[[str], tuple[str, str]]]] = {
    Wants.SEND: lambda partner: (
        f"{partner} wants to send, too, and neither of you receives.",
        "One of you runs filesend receive, with a new code of the other's.",
    ),
    Wants.RECEIVE: lambda partner: (
        f"{partner} waits to receive, too, and neither of you sends.",
        "One of you runs filesend send.",
    ),
}


async def send(
    client: Client,
    find_relay: FindRelay,
    paths: Collection[Path],
    code: str | None,
    asker: Asker,
    *,
    verify: bool = False,
    skip_unreadable: bool = False,
) -> None:
    """Pair, ask the partner to take the paths, and seed them until they arrived.

    What cannot be sent is reported first, before a code is made or used.

    Args:
        client: Not yet connected.
        find_relay: Finds the relay.
        paths: Files and folders; of `Chosen` each must still be the same file.
        code: The other person's code; `-` reads it; None makes one.
        asker: Reads the code.
        verify: Have the verification words compared before the request.
        skip_unreadable: Leave out what cannot be sent.

    Raises:
        BadSource: Something cannot be sent.
        NotVerified: The words differ, or were not confirmed.
        FileSendError: Any other reason why it ended.
    """
    found = await client.look_through(paths, skip_unreadable=skip_unreadable)
    if code == READ_CODE:
        code = await ask_code(asker)
    stream = client.subscribe()
    client.intend(Wants.SEND)
    await connect(client, await find_relay())
    if code is None:
        await client.create_code()
    else:
        await client.join(code)
    await _met(stream, Wants.SEND)
    outcome = Outcome()
    refused: set[str] = set()
    try:
        if verify:
            await _compare(client, asker)
        await client.request(found)
        async for event in stream:
            if isinstance(event, events.FileRequest) and event.direction is Direction.RECEIVE:
                refused.add(event.transfer)
                await refuse(client, event, _ONLY_SENDS)
            elif getattr(event, "transfer", None) not in refused and outcome.see(event):
                return
    except asyncio.CancelledError:
        await cancel(client, outcome.open_transfers)
        raise


async def receive(
    client: Client,
    find_relay: FindRelay,
    code: str | None,
    asker: Asker,
    *,
    accept_all: bool,
    output: Path,
    verify: bool = False,
) -> None:
    """Pair by the other person's code and receive what is sent into `output`.

    Args:
        client: Not yet connected.
        find_relay: Finds the relay.
        code: The other person's code; `-` or None reads it.
        asker: Reads the code, and asks for each request.
        accept_all: Say yes to everything without asking.
        output: The folder.
        verify: Have the verification words compared before any answer.

    Raises:
        NotVerified: The words differ, or were not confirmed.
        CannotAsk: Standard input is no terminal and `accept_all` is off.
        StorageFailed: Nothing can be written to `output`.
        FileSendError: Any other reason why it ended.
    """
    if not accept_all and not asker.interactive:
        raise CannotAsk("Each request has to be accepted, and there is nobody to ask.")
    target = await asyncio.to_thread(check_folder, output)  # before the code is used up
    if code is None or code == READ_CODE:
        code = await ask_code(asker)
    stream = client.subscribe()
    await client.tidy(output)
    client.intend(Wants.RECEIVE)
    await connect(client, await find_relay())
    await client.join(code)
    await _met(stream, Wants.RECEIVE)
    if verify:
        await _compare(client, asker)
    one_question = asyncio.Lock()

    async def decide(request: events.FileRequest) -> None:
        # The request was withdrawn, or the partner is gone: the event that ended it follows.
        with suppress(RequestGone, NotPaired):
            if accept_all:
                await take_all(client, request, target)
            else:
                async with one_question:
                    await let_choose(client, request, target, asker)

    outcome = Outcome()
    try:
        await follow(stream, outcome, decide)
        await client.settle(LAST_WORD)  # the sender waits to hear that it arrived
    except asyncio.CancelledError:
        await cancel(client, outcome.open_transfers)
        raise


async def connect(client: Client, relay: FoundRelay) -> None:
    """Connect to this relay, and again whenever that is lost. Raises RelayUnreachable."""
    await client.connect(relay.url, again=relay.again)


async def _met(stream: Subscription, ours: Wants) -> None:
    """Wait until the pairing is done.

    Raises:
        SamePurpose: The partner has the same role as this side.
        FileSendError: The code was not used in time, or pairing failed.
    """
    async for event in stream:
        match event:
            case events.Paired(partner=partner, wants=theirs):
                if theirs is ours:
                    raise SamePurpose(*_SAME[ours](partner))
                return
            case events.CodeGone(reason="expired"):
                raise ExpiredCode("Nobody used the code in time.")
            case events.CodeGone(reason="relay"):
                raise RelayUnreachable("The connection to the relay was lost.")
            case events.Error():  # pairing failed, by a wrong guess or otherwise
                raise raised(event)


async def _compare(client: Client, asker: Asker) -> None:
    """Have the verification words compared; where they differ, send a message and leave."""
    stream = client.subscribe()
    shown = client.verify()
    asking = asyncio.create_task(ask_match(asker, shown.partner, shown.words))
    leaving = asyncio.create_task(_somebody_left(stream))
    try:
        await asyncio.wait({asking, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            leaving.result()
        elif not asking.result():
            with suppress(FileSendError):
                await client.say(_DIFFERENT)
            await client.leave()
            raise NotVerified("The words were not confirmed to be the same on both sides.")
    finally:
        asking.cancel()
        leaving.cancel()
        stream.close()


async def _somebody_left(stream: Subscription) -> None:
    """Wait for the end of the session; raise the error that ended it."""
    outcome = Outcome()
    async for event in stream:
        if isinstance(event, events.PartnerGone | events.Error):
            outcome.see(event)


async def follow(
    stream: Subscription,
    outcome: Outcome,
    decide: Callable[[events.FileRequest], Coroutine[None, None, None]],
) -> None:
    """Decide on each request as it comes, until everything is done.

    A decision waits for a person; the stream is read meanwhile, so that a partner's cancel or
    departure cancels the question too.
    """
    upcoming = asyncio.ensure_future(anext(stream))
    deciding: dict[str, asyncio.Task[None]] = {}
    try:
        while True:
            await asyncio.wait({upcoming, *deciding.values()}, return_when=asyncio.FIRST_COMPLETED)
            for transfer in [key for key, decision in deciding.items() if decision.done()]:
                deciding.pop(transfer).result()
            if not upcoming.done():
                continue
            event = upcoming.result()
            if outcome.see(event):
                return
            match event:
                case events.FileRequest(direction=Direction.RECEIVE):
                    deciding[event.transfer] = asyncio.create_task(decide(event))
                case events.TransferState() if event.transfer not in outcome.open_transfers:
                    if given_up := deciding.pop(event.transfer, None):
                        given_up.cancel()
            upcoming = asyncio.ensure_future(anext(stream))
    except StopAsyncIteration:
        return
    finally:
        for task in (upcoming, *deciding.values()):
            task.cancel()


async def take_all(client: Client, request: events.FileRequest, output: Path | Target) -> None:
    """Accept everything; where it cannot be stored, decline it and raise why."""
    everything = (True,) * len(request.files)
    try:
        await client.answer(request.transfer, everything, output=output)
    except (NoSpace, StorageFailed) as error:
        # The sender waits for an answer, and no person is here to fix the cause.
        await refuse(client, request, _NO_ROOM if isinstance(error, NoSpace) else _NO_FOLDER)
        raise


async def refuse(client: Client, request: events.FileRequest, why: str) -> None:
    """Decline the whole request, with a reason for the partner."""
    with suppress(FileSendError):  # it was withdrawn, or the partner is gone
        await client.answer(request.transfer, (False,) * len(request.files), reason=why)


async def let_choose(
    client: Client, request: events.FileRequest, output: Target, asker: Asker
) -> None:
    """Have the person here choose, and answer by that."""
    while True:
        accepted = await ask_approval(asker, request, output.path)
        if asker.left:
            await refuse(client, request, NOBODY)
            return
        try:
            await client.answer(request.transfer, accepted, output=output)
        except (NoSpace, StorageFailed) as error:
            asker.show(f"{error.message} {error.hint}")
            # A second yes is to the folder as it is now.
            with suppress(StorageFailed):
                output = await asyncio.to_thread(check_folder, output.path)
        else:
            return


async def cancel(client: Client, transfers: Collection[str]) -> None:
    """Cancel the transfers at the partner's side too, within a few seconds."""
    with suppress(FileSendError, TimeoutError):
        async with asyncio.timeout(_FAREWELL):
            for transfer in list(transfers):
                await client.cancel(transfer)
