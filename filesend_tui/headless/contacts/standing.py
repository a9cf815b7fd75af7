"""The command `listen`: a standing receiver, which waits for contacts for days.

    a contact calls ──▶ a request ──allowed──▶ taken ──▶ the command
                                  └──not allowed──▶ asked, or declined with a reason

It ends by a signal alone, and started again it goes on with what it was taking. Sessions come back
by themselves where a relay goes; here it is only seen to that nothing that happens ends the run.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from filesend_tui.core import events
from filesend_tui.core.checks import check_folder
from filesend_tui.core.client import Client
from filesend_tui.core.error_events import error_event
from filesend_tui.core.errors import FileSendError, RelayUnreachable
from filesend_tui.core.events import (
    Contact,
    Direction,
    SessionId,
    TransferId,
    Unfinished,
    Wants,
)
from filesend_tui.core.util.tasks import Tasks
from filesend_tui.headless.asking import Asker
from filesend_tui.headless.contacts.hook import Arrived, Hook
from filesend_tui.headless.contacts.names import all_by_name
from filesend_tui.headless.contacts.rules import Rules, judge
from filesend_tui.headless.paired import Places, let_choose, refuse, take_all
from filesend_tui.runtime.going_on import begin, is_unanswered
from filesend_tui.system.file_manager import path_of

#: Seconds between two tries to reach a first place.
RETRY: Final = 30.0
#: Most transfers of one session that are not over.
MAX_OPEN: Final = 32
_TOO_MANY: Final = "too many at once"
_STRANGER: Final = "this side takes what contacts send, and nothing else"

_log = logging.getLogger(__name__)


async def listen(
    client: Client,
    places: Places,
    names: Collection[str],
    asker: Asker,
    *,
    rules: Rules,
    hook: Hook | None = None,
) -> None:
    """Wait for contacts, and take what they may send, until cancelled.

    Args:
        client: Not yet connected.
        places: Where it meets people.
        names: Whom to wait for; all contacts, those to come included, where there is none.
        asker: Asks about what is not allowed.
        rules: What is taken without asking.
        hook: Runs for each transfer that arrived.

    Raises:
        UnknownContact: Nobody has one of these names.
        StorageFailed: Nothing can be written to the folder.
    """
    known = all_by_name(await client.contacts(), names)
    await asyncio.to_thread(check_folder, rules.folder)
    stream = client.subscribe()
    client.intend(Wants.RECEIVE)
    client.wait_for_contacts([each.contact for each in known] if names else None)
    receiver = Receiver(client, asker, rules, hook)
    wanted = frozenset(each.contact for each in known) if names else None
    opening = asyncio.create_task(_begin(client, places, receiver, wanted))
    try:
        async for event in stream:
            receiver.hear(event)
    finally:
        opening.cancel()
        await receiver.close()
        stream.close()


async def _begin(
    client: Client, places: Places, receiver: Receiver, wanted: frozenset[str] | None
) -> None:
    """Be at the places as soon as one is there, and go on with what an earlier run was taking.

    wanted: the ids of the contacts who are waited for; None for all.
    """
    await _open(client, places)
    try:
        await client.return_to(wanted)
        await receiver.go_on(
            [
                each
                for each in await client.unfinished()
                if each.direction is Direction.RECEIVE
                and not each.running
                and (each.contact in wanted if wanted is not None else each.contact)
            ]
        )
    except FileSendError as error:
        client.publish(error_event(error))


async def _open(client: Client, places: Places) -> None:
    """Be at the places as soon as one of them is there."""
    while True:
        try:
            await places.open(client)
        except RelayUnreachable as error:
            client.publish(error_event(error))
        else:
            return
        await asyncio.sleep(RETRY)


class Receiver:
    """What becomes of what contacts send. Nothing that happens to one transfer ends it."""

    def __init__(self, client: Client, asker: Asker, rules: Rules, hook: Hook | None) -> None:
        self._client = client
        self._asker = asker
        self._rules = rules
        self._hook = hook
        self._one_question = asyncio.Lock()
        self._contacts: dict[SessionId, str] = {}
        self._open: dict[TransferId, events.FileRequest] = {}
        self._folders: dict[TransferId, Path] = {}
        self._deciding: dict[TransferId, asyncio.Task[None]] = {}
        #: Where that goes which an earlier run said yes to.
        self._said_yes: dict[TransferId, Path] = {}
        self._tasks = Tasks()

    def hear(self, event: events.Event) -> None:
        """Take the next event."""
        match event:
            case events.Paired(session=str(session), contact=contact):
                self._contacts[session] = contact
            case events.PartnerGone(session=str(session)):
                self._contacts.pop(session, None)
            case events.FileRequest(direction=Direction.RECEIVE):
                self._asked(event)
            case events.TransferState() if event.phase.ended:
                self._open.pop(event.transfer, None)
                self._folders.pop(event.transfer, None)
                if (deciding := self._deciding.pop(event.transfer, None)) is not None:
                    deciding.cancel()
            case events.DownloadComplete(transfer=str(transfer)) if transfer in self._open:
                self._arrived(event, self._open[transfer])

    async def go_on(self, left: Sequence[Unfinished]) -> None:
        """Go on with what contacts were sending; a request that has no answer is judged anew.

        Raises:
            FileSendError: The first reason why one of them cannot be gone on with.
        """
        for each in left:
            if not is_unanswered(each):
                folder = Path(each.folder) if each.folder is not None else self._rules.folder
                self._said_yes[each.transfer] = folder
        _, failure = await begin(self._client, left, asked=False)
        if failure is not None:
            raise failure

    async def close(self) -> None:
        """End what is under way here."""
        await self._tasks.cancel()

    def _asked(self, request: events.FileRequest) -> None:
        of_session = [each for each in self._open.values() if each.session == request.session]
        if len(of_session) >= MAX_OPEN:
            self._tasks.spawn(refuse(self._client, request, _TOO_MANY))
            return
        self._open[request.transfer] = request
        if request.transfer in self._said_yes:
            self._folders[request.transfer] = self._said_yes.pop(request.transfer)
            return
        self._deciding[request.transfer] = self._tasks.spawn(self._decide(request))

    async def _decide(self, request: events.FileRequest) -> None:
        try:
            contact = await self._contact(request.session)
            if contact is None:
                await refuse(self._client, request, _STRANGER)
                return
            verdict = judge(request, contact.allowed, self._rules)
            if verdict.folder is not None:
                await self._take(request, verdict.folder)
            elif self._asker.interactive:
                await self._ask(request)
            else:
                await refuse(self._client, request, verdict.reason)
        except FileSendError as error:
            # No room, no folder, or they are gone: the sender is told, and the next may fit.
            _log.info("a request: %s", error)
            await refuse(self._client, request, "it cannot be stored at the receiver's")
            self._client.publish(error_event(error, session=request.session))

    async def _take(self, request: events.FileRequest, folder: Path) -> None:
        target = await asyncio.to_thread(check_folder, folder)
        self._folders[request.transfer] = folder
        await take_all(self._client, request, target)

    async def _ask(self, request: events.FileRequest) -> None:
        async with self._one_question:
            target = await asyncio.to_thread(check_folder, self._rules.folder)
            self._folders[request.transfer] = self._rules.folder
            await let_choose(self._client, request, target, self._asker)

    async def _contact(self, session: SessionId | None) -> Contact | None:
        id = self._contacts.get(session, "") if session is not None else ""
        known = await self._client.contacts() if id else ()
        return next((each for each in known if each.contact == id), None)

    def _arrived(self, event: events.DownloadComplete, request: events.FileRequest) -> None:
        if self._hook is None:
            return
        arrived = Arrived(
            path=Path(path_of(event.url)),
            folder=self._folders.get(request.transfer, self._rules.folder).absolute(),
            sender=request.partner,
            contact=self._contacts.get(request.session, "") if request.session else "",
            transfer=request.transfer,
            files=len(request.files),
            size=event.bytes,
        )
        self._tasks.spawn(self._run(self._hook, arrived, request.session))

    async def _run(self, hook: Hook, arrived: Arrived, session: SessionId | None) -> None:
        failure = await hook.run(arrived)
        self._client.publish(
            events.CommandEnded(session=session, transfer=arrived.transfer, failure=failure)
        )
