"""The commands of two paired people: send and receive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from filesend_tui.core import events
from filesend_tui.core.checks import (
    Target,
    check_folder,
    place_in,
    read_link,
    relay_address,
    split_place,
)
from filesend_tui.core.choices import Overwrite, Stood
from filesend_tui.core.client import Client
from filesend_tui.core.errors import (
    ExpiredCode,
    FileSendError,
    NoSpace,
    NotPaired,
    NotVerified,
    PartnerGone,
    RelayUnreachable,
    RequestGone,
    StorageFailed,
)
from filesend_tui.core.event_stream import Subscription
from filesend_tui.core.events import Direction, SessionId, Wants
from filesend_tui.headless.asking import Asker, CannotAsk, ask_approval, ask_code, ask_match
from filesend_tui.headless.contacts.calling import Whom, call, known
from filesend_tui.headless.contacts.remembering import Remembering
from filesend_tui.headless.outcome import Outcome, raised
from filesend_tui.headless.replacing import ask_replacing, existing_lines
from filesend_tui.headless.unattended import NOBODY

if TYPE_CHECKING:
    from filesend_tui.core.checks import Existing


class FoundRelay(NamedTuple):
    """A relay's URL, and what is awaited before each reconnect: whether there still is one."""

    url: str
    again: Callable[[], Awaitable[bool]]


class Places(NamedTuple):
    """Where a run meets people.

    open: connects a client to all of them; raises RelayUnreachable where none answers. main: the
    URL of the one that is waited for. beyond: whether others of other machines may be met, too.
    page: returns the URL of the main relay's page, as others' browsers reach it; None: it has none.
    """

    open: Callable[[Client], Awaitable[None]]
    main: str
    beyond: bool
    page: Callable[[], Awaitable[str | None]]


#: Finds the relay; raises RelayUnreachable.
FindRelay = Callable[[], Awaitable[FoundRelay]]
#: Why a request is declined where nothing is taken.
ONLY_SENDS: Final = "this side only sends: a filesend send takes nothing"
#: On the command line: read the code from standard input.
READ_CODE = "-"
#: Seconds that a run whose work is over waits for a partner who is away to hear of it.
LAST_WORD: Final = 60.0
#: Seconds that an interrupted run waits for the relay to forward its cancel.
_FAREWELL = 3.0
_NO_ROOM = "the receiver's disk has no room for them"
_NO_FOLDER = "nothing can be written to the receiver's folder"
_DIFFERENT = "The verification words were not the same here, so I disconnected."


class NoPage(FileSendError):
    """A link was asked for, and the relay serves no page that it could lead to."""

    code = "noPage"
    default_hint = (
        "Name one that has it by --relay; of a clone: make page. Without --link a code does it."
    )


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


def same_purpose(ours: Wants, partner: str) -> SamePurpose:
    """Return the error for a partner who is there for the same as this side."""
    return SamePurpose(*_SAME[ours](partner))


async def send(
    client: Client,
    places: Places,
    paths: Collection[Path],
    code: str | None,
    asker: Asker,
    *,
    verify: bool = False,
    skip_unreadable: bool = False,
    to: Whom | None = None,
    remember: bool = False,
    link: bool = False,
) -> None:
    """Pair, ask the partner to take the paths, and seed them until they arrived.

    What cannot be sent is reported first, before a code is made or used.

    Args:
        client: Not yet connected.
        places: Where it meets people.
        paths: Files and folders; of `Chosen` each must still be the same file.
        code: The other person's code, with a relay's address or without; `-` reads it; None makes
            one.
        asker: Reads the code.
        verify: Have the verification words compared before the request.
        skip_unreadable: Leave out what cannot be sent.
        to: A contact, who is waited for instead.
        remember: Ask the partner to remember each other.
        link: Make a link for the partner's browser, instead of a code.

    Raises:
        BadSource: Something cannot be sent.
        UnknownContact, ContactAway, ContactDoubted: The contact.
        NotVerified: The words differ, or were not confirmed.
        FileSendError: Any other reason why it ended.
    """
    called = await whom(client, to)
    found = await client.look_through(paths, skip_unreadable=skip_unreadable)
    remembering = Remembering(client, asker, wanted=remember)
    stream = await meet(
        client, places, Wants.SEND, code, asker, called=called, verify=verify, link=link
    )

    async def begin() -> None:
        await client.request(found)
        await remembering.begin()

    await until_sent(client, stream, begin)
    await remembering.end()


async def until_sent(
    client: Client, stream: Subscription, begin: Callable[[], Awaitable[object]]
) -> None:
    """Begin, and return once what was begun has arrived.

    Args:
        client: Paired with who is to receive it.
        stream: What is told since then.
        begin: Asks the partner to take something.

    Raises:
        FileSendError: Why it ended without having arrived.
    """
    outcome = Outcome()
    try:
        await begin()
        async for event in stream:
            match event:
                case events.FileRequest(direction=Direction.RECEIVE):
                    await refuse(client, event, ONLY_SENDS)
                case events.Text():
                    pass  # of a partner who writes meanwhile: it is printed, and ends nothing
                case _ if outcome.see(event):
                    return
    except asyncio.CancelledError:
        await cancel(client, outcome.open_transfers)
        raise


async def send_text(
    client: Client,
    places: Places,
    text: str,
    code: str | None,
    asker: Asker,
    *,
    verify: bool = False,
    to: Whom | None = None,
    link: bool = False,
) -> None:
    """Pair, hand the partner a text, and return once their program has it.

    Args: as of `send`. text: at most 64 KiB.

    Raises:
        UnknownContact, ContactAway, ContactDoubted: The contact.
        PartnerGone: They did not take it.
        FileSendError: Any other reason why it ended.
    """
    called = await whom(client, to)
    await meet(client, places, Wants.SEND, code, asker, called=called, verify=verify, link=link)
    if not await client.send_text(text, wait=LAST_WORD):
        raise not_taken()


def not_taken() -> PartnerGone:
    """Return the error for a text that the other side has not taken."""
    return PartnerGone("The other side has not taken the text.", "Pair again, and send it again.")


async def whom(client: Client, to: Whom | None) -> tuple[events.Contact, float | None] | None:
    """Return who is to be called, and for how long; None for nobody. Raises UnknownContact."""
    return (await known(client, to), to.wait) if to is not None else None


async def meet(
    client: Client,
    places: Places,
    ours: Wants,
    code: str | None,
    asker: Asker,
    *,
    called: tuple[events.Contact, float | None] | None = None,
    verify: bool = False,
    link: bool = False,
) -> Subscription:
    """Pair with somebody who is there for the other purpose; return what is told from then on.

    Args:
        client: Not yet connected.
        places: Where it meets people.
        ours: What this side is there for.
        code: The other person's code; `-` reads it, None makes one.
        asker: Reads the code, and has the words compared.
        called: A contact, who is waited for so many seconds, and instead of a code.
        verify: Have the verification words compared.
        link: Make a link, which works instead of a code.

    Raises:
        NoPage: The relay has none for it.
        SamePurpose: They are there for the same.
        FileSendError: Any other reason why it failed.
    """
    if code == READ_CODE:
        code = await ask_code(asker)
    stream = client.subscribe()
    client.intend(ours)
    if called is not None:
        await places.open(client)
        await call(client, *called)
    elif link:
        await places.open(client)
        await client.meet(await new_link(client, places), places.main)
    elif code is None:
        await places.open(client)
        await know_page(client, places)
        await client.create_code()
    else:
        await _join(client, places, code)
    await _met(stream, ours)
    if verify:
        await compare(client, asker)
    return stream


async def new_link(client: Client, places: Places, people: int = 1) -> bytes:
    """Make a link for so many people; return its secret. Raises NoPage: The relay has none."""
    if (page := await places.page()) is None:
        raise NoPage("The relay has no page for browsers, to which a link could lead.")
    return client.create_link(page, places.main, people)


async def know_page(client: Client, places: Places) -> None:
    """Find out whether the main relay has a page: a code is told with its link there."""
    if places.main in client.places:
        await places.page()


async def code_to_join(code: str | None, asker: Asker, *, make_code: bool) -> str | None:
    """Return the code by which a receiver pairs, read where none is named; None to make one."""
    if make_code:
        return None
    return await ask_code(asker) if code is None or code == READ_CODE else code


async def receive(
    client: Client,
    places: Places,
    code: str | None,
    asker: Asker,
    *,
    accept_all: bool,
    output: Path,
    verify: bool = False,
    remember: bool = False,
    make_code: bool = False,
) -> None:
    """Pair by the other person's code and receive what is sent into `output`.

    Args:
        client: Not yet connected.
        places: Where it meets people.
        code: The other person's code, with a relay's address or without; `-` or None reads it.
        asker: Reads the code, and asks for each request.
        accept_all: Say yes to everything without asking.
        output: The folder.
        verify: Have the verification words compared before any answer.
        remember: Ask the partner to remember each other.
        make_code: Make a code for the other person, instead of reading theirs.

    Raises:
        NotVerified: The words differ, or were not confirmed.
        CannotAsk: Standard input is no terminal and `accept_all` is off.
        StorageFailed: Nothing can be written to `output`.
        FileSendError: Any other reason why it ended.
    """
    if not accept_all and not asker.interactive:
        raise CannotAsk("Each request has to be accepted, and there is nobody to ask.")
    target = await asyncio.to_thread(check_folder, output)  # before the code is used up
    code = await code_to_join(code, asker, make_code=make_code)
    await client.tidy(output)
    remembering = Remembering(client, asker, wanted=remember)
    stream = await meet(client, places, Wants.RECEIVE, code, asker, verify=verify)
    await remembering.begin()
    one_question = asyncio.Lock()

    async def decide(request: events.FileRequest) -> None:
        # The request was withdrawn, or the partner is gone: the event that ended it follows.
        with suppress(RequestGone, NotPaired):
            if accept_all:
                await take_all(client, request, target, asker)
            else:
                async with one_question:
                    await let_choose(client, request, target, asker)

    outcome = Outcome()
    try:
        await follow(stream, outcome, decide)
        await remembering.end()
        await client.settle(LAST_WORD)  # the sender waits to hear that it arrived
    except asyncio.CancelledError:
        await cancel(client, outcome.open_transfers)
        raise


async def connect(client: Client, relay: FoundRelay) -> None:
    """Connect to this relay, and again whenever that is lost. Raises RelayUnreachable."""
    await client.connect(relay.url, again=relay.again)


async def _join(client: Client, places: Places, typed: str) -> None:
    """Pair by a code, at all places and at the relay whose address stands with it; or by a link.

    Raises:
        RelayUnreachable: No place answers, or not that relay.
        FileSendError: Any other reason why it failed.
    """
    place = place_in(typed)
    there = relay_address(place).url if place else ""
    await places.open(client)
    if there and there not in client.places:
        await client.connect(there)
    if (link := read_link(typed)) is not None:
        await client.open_link(link.secret, there)
    else:
        await client.join(split_place(typed)[0])


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
                    raise same_purpose(ours, partner)
                return
            case events.CodeGone(reason="expired"):
                raise ExpiredCode("Nobody used the code in time.")
            case events.CodeGone(reason="relay"):
                raise RelayUnreachable("The connection to the relay was lost.")
            case events.Error():  # pairing failed, by a wrong guess or otherwise
                raise raised(event)


async def compare(client: Client, asker: Asker, session: SessionId | None = None) -> None:
    """Have the verification words compared; where they differ, send a message and leave.

    session: whose; None: of the only one. Raises NotVerified.
    """
    stream = client.subscribe()
    shown = client.verify(session)
    asking = asyncio.create_task(ask_match(asker, shown.partner, shown.words))
    leaving = asyncio.create_task(_left(stream, shown.session))
    try:
        await asyncio.wait({asking, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            leaving.result()
        elif not asking.result():
            with suppress(FileSendError):
                await client.say(_DIFFERENT, to=session)
            await client.leave(session)
            raise NotVerified("The words were not confirmed to be the same on both sides.")
    finally:
        asking.cancel()
        leaving.cancel()
        stream.close()


async def _left(stream: Subscription, session: SessionId | None) -> None:
    """Wait for the end of a session; raise the error that ended it."""
    outcome = Outcome()
    async for event in stream:
        if isinstance(event, events.PartnerGone | events.Error) and event.session in (
            None,
            session,
        ):
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


async def take_all(
    client: Client,
    request: events.FileRequest,
    output: Path | Target,
    asker: Asker | None = None,
) -> None:
    """Accept everything; where it cannot be stored, decline it and raise why.

    asker: asks what may be replaced, where that is to be asked.
    """
    everything = (True,) * len(request.files)
    replace: tuple[Stood, ...] = ()
    if asker is not None and client.arriving.overwrite is Overwrite.ASK:
        found = await client.existing(request.transfer, output=output)
        replace = await ask_replacing(asker, request, found, everything)
    try:
        await client.answer(request.transfer, everything, output=output, replace=replace)
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
        found: Sequence[Existing] = ()
        if client.arriving.merges:
            found = await client.existing(request.transfer, output=output)
        accepted = await ask_approval(
            asker, request, output.path, existing_lines(request, found, client.arriving)
        )
        replace: tuple[Stood, ...] = ()
        if client.arriving.overwrite is Overwrite.ASK and any(accepted):
            # What was listed before is what is asked about: what changes meanwhile stays.
            replace = await ask_replacing(asker, request, found, accepted)
        if asker.left:
            await refuse(client, request, NOBODY)
            return
        try:
            await client.answer(request.transfer, accepted, output=output, replace=replace)
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
