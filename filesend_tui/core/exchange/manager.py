"""The transfers of all sessions: makes those of a session, and finds the session of a request.

The transfers of one session are transfers.py's; pairing is sessions/manager.py's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path

from filesend_tui.core.choices import Stood
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.error_events import left_out
from filesend_tui.core.errors import NotPaired, RequestGone
from filesend_tui.core.event_stream import EventStream
from filesend_tui.core.events import GroupId, SessionId, TransferId
from filesend_tui.core.exchange import offer
from filesend_tui.core.exchange.facts import TransferFacts, TransferKeeper
from filesend_tui.core.exchange.queue import Queue
from filesend_tui.core.exchange.transfers import Transfers
from filesend_tui.core.sessions.session import Session
from filesend_tui.core.torrent.engine_protocol import Torrents
from filesend_tui.core.torrent.group import Group
from filesend_tui.core.torrent.roster import PAIR
from filesend_tui.core.torrent.sources.create import Found
from filesend_tui.core.torrent.storage.arrival.existing import Existing
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.torrent.streams.outflow import StreamSource
from filesend_tui.core.torrent.streams.pipes import PipeTarget
from relay.protocol.words import MAX_OTHERS


class TransferManager:
    """The transfers of a client.

    Args:
        events: Where events go.
        torrents: The engine.
        config: Where received files go, unless an answer says otherwise.
        keeper: Keeps them for a later process; None: they end with this one.
    """

    def __init__(
        self,
        events: EventStream,
        torrents: Torrents,
        config: ClientConfig,
        keeper: TransferKeeper | None = None,
    ) -> None:
        self._events = events
        self._torrents = torrents
        self._config = config
        self._keeper = keeper
        self._open: dict[SessionId, Transfers] = {}
        self._known: set[TransferId] = set()
        self._groups: dict[str, Group] = {}
        self._queue = Queue(config.at_once)
        self._arranging: asyncio.Handle | None = None

    def __contains__(self, transfer: object) -> bool:
        """Return whether a transfer is under way here."""
        return isinstance(transfer, str) and self._with(transfer) is not None

    def begin(self, id: SessionId, session: Session, tracker: str) -> Transfers:
        """Return the transfers of a new session; sessions/manager.py calls this.

        Args:
            id: The session's.
            session: The partner.
            tracker: The relay's tracker, as this side knows it (ws or wss URL).
        """
        self._open[id] = Transfers(
            id,
            session,
            torrents=self._torrents,
            events=self._events,
            config=self._config,
            tracker=tracker,
            known=self._known,
            keeper=self._keeper,
            closed=lambda: self._open.pop(id, None),
            changed=self._changed,
        )
        return self._open[id]

    async def look_through(
        self, paths: Collection[Path], *, skip_unreadable: bool = False
    ) -> Found:
        """Check and return what is to be sent, for `request`; needs no partner.

        Raises:
            BadSource: Something cannot be read or was replaced, or it is too much for one request.
        """
        sending = self._config.sending._replace(skip=skip_unreadable)
        found = await asyncio.to_thread(offer.look_through, paths, sending=sending)
        if found.left_out:
            self._events.publish(left_out(found.left_out))
        return found

    def new_group(self, size: int) -> GroupId:
        """Return the id of a group, for `request`: so many people will be asked for the same.

        Raises ValueError: size is below 2, or more than may be asked.
        """
        if not PAIR <= size <= MAX_OTHERS + 1:
            raise ValueError(f"a group has 2 to {MAX_OTHERS + 1} people")
        group = Group(size)
        self._groups[group.id] = group
        return GroupId(group.id)

    async def request(
        self,
        to: SessionId,
        chosen: Collection[Path] | Found,
        *,
        skip_unreadable: bool = False,
        group: GroupId | None = None,
    ) -> TransferId:
        """Ask the partner of a session to accept what was chosen; return the request's id.

        group: of `new_group`: all in it are asked for the same, which is hashed once.

        Raises:
            NotPaired: The partner is gone.
            BadSource: Something cannot be read or was replaced, or it is too much for one request.
        """
        if to not in self._open:
            raise NotPaired("This person is gone.")
        shared = None if group is None else self._groups[group]
        return await self._open[to].request(chosen, skip_unreadable=skip_unreadable, group=shared)

    def request_stream(self, to: SessionId, source: StreamSource, name: str) -> TransferId:
        """Ask the partner of a session to take a stream; return the request's id.

        Raises:
            NotPaired: The partner is gone.
            BadSource: That is no name for it.
        """
        if to not in self._open:
            raise NotPaired("This person is gone.")
        return self._open[to].request_stream(source, name)

    async def restore(self, to: SessionId, facts: TransferFacts) -> None:
        """Go on with a transfer of an earlier process; its session is restored already.

        What cannot be gone on with fails, at both sides.
        """
        group = None
        if facts.group:
            size, key = facts.request.others + 1, facts.swarm_key
            fresh = Group(size, id=facts.group, swarm_key=key)
            group = self._groups.setdefault(facts.group, fresh)
        await self._open[to].restore(facts, group)

    async def answer(
        self,
        transfer: TransferId,
        accepted: Sequence[bool],
        *,
        output: Path | Target | None = None,
        reason: str = "",
        replace: Sequence[Stood] = (),
    ) -> None:
        """Accept or decline each file of a partner's request, in its order.

        Args:
            transfer: The request.
            accepted: A yes or no for each file.
            output: Folder for its files; the configured one if None.
            reason: Why it is declined, for the partner to read; at most 200 characters.
            replace: Files in the folder that may be replaced, as they were when that was agreed to.

        Raises:
            NotPaired: There is no partner.
            NoSpace, StorageFailed: They cannot be stored there; the request stays open.
            RequestGone: There is no such request to answer.
            FileSendError: `accepted` does not have one entry for each file.
        """
        await self._asked(transfer).answer(transfer, accepted, output, reason, replace)

    async def existing(
        self, transfer: TransferId, output: Path | Target | None = None
    ) -> tuple[Existing, ...]:
        """Return which files of a request are in the folder; see Client.existing."""
        return await self._asked(transfer).existing(transfer, output)

    def _asked(self, transfer: TransferId) -> Transfers:
        """Return where a request waits. Raises NotPaired, RequestGone."""
        transfers = self._with(transfer)
        if transfers is None and not self._open:
            raise NotPaired("You are not paired with anybody.")
        if transfers is None:
            raise RequestGone("This request is no longer open.")
        return transfers

    async def take_stream(self, transfer: TransferId, pipe: PipeTarget) -> None:
        """Accept a partner's stream, and write it into a pipe; see Client.take_stream."""
        transfers = self._with(transfer)
        if transfers is None:
            raise RequestGone("This request is no longer open.")
        await transfers.answer(transfer, (True,), None, pipe=pipe)

    async def cancel(self, transfer: TransferId) -> None:
        """Cancel a transfer; return when all it held here is freed. No error if it is over."""
        if (transfers := self._with(transfer)) is not None:
            await transfers.cancel(transfer)

    def pause(self, transfer: TransferId, files: Collection[int] | None = None) -> None:
        """Pause a transfer, or only leave files of it out; see Client.pause."""
        if (transfers := self._with(transfer)) is not None:
            transfers.pause(transfer, files)

    def go_on(self, transfer: TransferId, files: Collection[int] | None = None) -> None:
        """Take this side's pause of a transfer back, or only that of files; see Client.go_on."""
        if (transfers := self._with(transfer)) is not None:
            transfers.go_on(transfer, files)

    def ask_again(self, transfer: TransferId) -> None:
        """Ask its sender to send a transfer that is over again; see Client.ask_again."""
        for transfers in self._open.values():
            if transfers.knows(transfer):
                transfers.ask_again(transfer)
                return
        raise RequestGone("Who sent this is gone.", "Pair with them, and ask them.")

    def move(self, transfer: TransferId, by: int) -> None:
        """Send a transfer so many places later, or below 0 sooner, than in its turn."""
        self._queue.move(transfer, by)
        self._changed()

    def _changed(self) -> None:
        """Arrange the queue anew, once everything has happened that happens now."""
        if self._queue.at_once is not None and self._arranging is None:
            self._arranging = asyncio.get_running_loop().call_soon(self._arrange)

    def _arrange(self) -> None:
        self._arranging = None
        sending = {id: ready for each in self._open.values() for id, ready in each.sending()}
        ready = [id for id, is_ready in sending.items() if is_ready]
        places = self._queue.places(sending, ready)
        for id in sending:
            if (transfers := self._with(id)) is not None:
                transfers.queue(id, places.get(id, 0))

    def _with(self, transfer: TransferId) -> Transfers | None:
        return next((each for each in self._open.values() if transfer in each), None)
