"""The Client: the core's entry point. Commands go in, events come out.

Nothing is decided here: each method passes the command to the package that owns it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from filesend_tui.core.choices import Arriving, Stood
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.contacts.manager import Contacts, allowed_of
from filesend_tui.core.error_events import leftover_events
from filesend_tui.core.errors import FileSendError
from filesend_tui.core.event_stream import EventStream, Subscription
from filesend_tui.core.events import (
    Allowance,
    ClientDestroyed,
    Contact,
    Event,
    GroupId,
    History,
    Limits,
    SessionId,
    TransferId,
    Unfinished,
    Verification,
    Wants,
)
from filesend_tui.core.exchange.manager import TransferManager
from filesend_tui.core.journal import history
from filesend_tui.core.journal.journal import Journal
from filesend_tui.core.relay_access import relays_of
from filesend_tui.core.relay_client.staying import Again, always
from filesend_tui.core.resume.resuming import Resuming
from filesend_tui.core.resume.sessions import SessionKeeper
from filesend_tui.core.resume.shares import Shares, hashed
from filesend_tui.core.resume.transfers import JournalKeeper
from filesend_tui.core.sessions.manager import SessionManager
from filesend_tui.core.torrent.engine import Engine
from filesend_tui.core.torrent.sources.create import Found
from filesend_tui.core.torrent.storage.arrival.existing import Existing
from filesend_tui.core.torrent.storage.part_folder.leftovers import sweep
from filesend_tui.core.torrent.storage.part_folder.part_folder import part_name
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.torrent.streams.pipes import PipeSource, PipeTarget
from filesend_tui.core.torrent.torrent import only


class Client:
    """Seeds, adds and removes torrents; pairs with people; exchanges files with each of them.

    All methods must be called on the event loop that created it. Every failure is a FileSendError.
    A method's `to` is the id of a session, as in events; None means the only session, and raises
    SeveralPartners if there are several.

    Args:
        config: How it behaves.
        journal: Keeps what has to outlive it, and is closed with it; None to keep nothing.

    Raises:
        ChannelFailed: The settings force a transport, or a kind of it, that is not available.
    """

    def __init__(self, config: ClientConfig, journal: Journal | None = None) -> None:
        self._config = config
        self._events = EventStream()
        relays = relays_of(lambda: self._sessions, config.proxies)
        self._engine = Engine(config, self._events, relays)
        keeper = SessionKeeper(journal) if journal is not None else None
        self._transfers = TransferManager(
            self._events,
            self._engine,
            config,
            JournalKeeper(journal) if journal is not None else None,
        )
        self._sessions = SessionManager(
            self._events,
            config.name,
            self._transfers.begin,
            away_limit=config.away_limit,
            keeper=keeper,
            proxies=config.proxies,
        )
        self._resuming: Resuming | None = None
        # What was shared tells as much as the history does.
        self._shares = Shares(journal) if journal is not None and config.history else None
        if journal is not None and keeper is not None:
            self._resuming = Resuming(journal, keeper, self._sessions, self._transfers)
        self._contacts: Contacts | None = None
        if journal is not None:
            self._contacts = Contacts(self._sessions, journal, self._events)
        self._warming: asyncio.Task[None] | None = None
        self._destroyed = False
        self._journal = journal
        self._recording: asyncio.Task[None] | None = None
        if journal is not None:
            # Soon: readers of the stream come first.
            asyncio.get_running_loop().call_soon(journal.watch, self._events.publish)
            if config.history:
                recording = history.record(self._events.subscribe(), journal)
                self._recording = asyncio.create_task(recording)

    def subscribe(self, *only: type[Event]) -> Subscription:
        """Return a new reader of the event stream: `async for event in client.subscribe()`.

        only: see EventStream.subscribe.
        """
        return self._events.subscribe(*only)

    def publish(self, event: Event) -> None:
        """Publish an event of the caller's own among those of the client."""
        self._events.publish(event)

    async def tidy(self, folder: Path, *, but: str = "") -> None:
        """Find unfinished downloads of earlier runs in a folder; remove those nobody goes on with.

        Publishes a `leftover` event for each, but for those that `unfinished` returns. A download
        does the same for its own folder.

        Args:
            folder: Where to look.
            but: The id of a torrent that goes on there: what is there of it is not mentioned.
        """
        known = {bytes.fromhex(but)} if but else set()
        if self._resuming is not None:
            known |= await self._resuming.torrents()
        names = frozenset(map(part_name, known))
        for event in leftover_events(folder, await asyncio.to_thread(sweep, folder, but=names)):
            self._events.publish(event)

    # -- torrents

    async def look_through(
        self, paths: Collection[Path], *, openly: bool = False, skip_unreadable: bool = False
    ) -> Found:
        """Check and return what is to be sent, for `request` or `seed`; needs no partner.

        Args:
            paths: Files and folders; each of a `Chosen` must still be the same file.
            openly: For `seed`, which has higher limits.
            skip_unreadable: Leave out what cannot be sent, if anything remains; a `leftOut`
                event lists it.

        Raises:
            BadSource: Something cannot be sent (`offenders` lists all of it), or it is too much.
        """
        look = self._engine.look_through if openly else self._transfers.look_through
        return await look(paths, skip_unreadable=skip_unreadable)

    async def seed(
        self,
        paths: Collection[Path] | Found,
        *,
        trackers: Sequence[str],
        name: str | None = None,
        skip_unreadable: bool = False,
    ) -> str:
        """Make a torrent, announce and serve it; return its id (infohash hex).

        What an earlier process shared of the same paths is not hashed again where size, times and
        identity of all files are as they were, and a few pieces that are read.

        Args:
            paths: Files and folders; each of a `Chosen` must still be the same file. Or the
                result of `look_through`.
            trackers: Where to announce it.
            name: The torrent's name; derived from the files if None.
            skip_unreadable: As in `look_through`.

        Raises:
            BadSource: Something cannot be read, was replaced, or changed while it was read.
            TrackerFailed: No tracker accepted it.
        """
        if self._shares is None:
            return await self._engine.seed(
                paths, trackers=trackers, name=name, skip_unreadable=skip_unreadable
            )
        if not isinstance(paths, Found):
            paths = await self.look_through(paths, openly=True, skip_unreadable=skip_unreadable)
        earlier = await self._shares.find(paths)
        known = hashed(earlier) if earlier is not None else None
        torrent = await self._engine.seed(paths, trackers=trackers, name=name, known=known)
        info = await self._engine.wait_metadata(torrent)
        magnet = self._engine.magnet(torrent)
        await self._shares.keep(
            earlier, paths, info=info.raw, magnet=magnet, trackers=tuple(trackers)
        )
        return torrent

    async def add(
        self,
        magnet: str,
        *,
        output: Path | Target | None = None,
        selected: Sequence[int] | None = None,
    ) -> str:
        """Start downloading; return the torrent's id at once.

        Args:
            magnet: Names the torrent and its trackers.
            output: Folder for its files; the configured one if None.
            selected: Indices of the files to fetch; all if None.

        Raises:
            BadMagnet: It cannot be used, or is being downloaded or seeded already.
        """
        choose = None if selected is None else only(selected)
        return await self._engine.add(magnet, folder=output or self._config.output, choose=choose)

    async def remove(self, torrent: str, *, delete_data: bool = False) -> None:
        """Destroy a torrent; never touches what was seeded or what finished.

        Args:
            torrent: Its id; an unknown one is no error.
            delete_data: Also delete an unfinished download's part files; else a later `add` into
                the same folder goes on with them.
        """
        await self._engine.remove(torrent, delete_data=delete_data)

    async def destroy(self, *, keep: bool = False) -> None:
        """End everything and free it; the event stream ends with `clientDestroyed`.

        Args:
            keep: Cancel nothing, where the journal lasts: what is unfinished can be gone on with by
                a later process, and the partners of it are told nothing. An `unfinished` event
                follows for each.
        """
        if self._destroyed:
            return
        self._destroyed = True
        ours = self._sessions.ids
        keep = keep and self.lasts
        try:
            if self._contacts is not None:
                await self._contacts.close()
            await self._sessions.destroy(keep=keep)
            if keep:
                left = await self.unfinished()
                self.tell_unfinished([each for each in left if each.session in ours])
            if self._warming is not None:
                await self._warming
        finally:
            await self._engine.destroy()
            self._events.publish(ClientDestroyed())
            self._events.close()
            if self._journal is not None:
                if self._recording is not None:
                    await self._recording
                await self._journal.close()

    def limit(self, *, upload: int | None, download: int | None) -> None:
        """Limit file data to so many bytes a second from now on, over all torrents together.

        A `limits` event follows.

        Args:
            upload: Bytes a second, at least 1; None for no limit.
            download: Likewise.
        """
        self._engine.limit(upload=upload, download=download)
        self._events.publish(Limits(upload=upload, download=download))

    @property
    def limits(self) -> tuple[int | None, int | None]:
        """The limits of upload and download, in bytes a second; None for no limit."""
        return self._engine.limits

    # -- the history

    async def history(self, limit: int) -> Sequence[History]:
        """Return the newest entries of the history, at most `limit`, the newest first."""
        return await self._journal.history(limit) if self._journal is not None else ()

    async def clear_history(self) -> int | None:
        """Delete the whole history; return how many entries it had, None where it cannot be."""
        return await self._journal.clear_history() if self._journal is not None else None

    # -- what an earlier process did not finish

    @property
    def lasts(self) -> bool:
        """Whether what is unfinished outlives this process, as far as is known by now."""
        return self._journal is not None and self._journal.lasts

    async def unfinished(self) -> tuple[Unfinished, ...]:
        """Return the transfers that are unfinished, the oldest first; none without a journal.

        Those that nobody went on with for a month are forgotten first; `forgotten` tells of each.
        """
        if self._resuming is None:
            return ()
        for gone in await self._resuming.expire():
            self._events.publish(gone)
        return await self._resuming.unfinished()

    def tell_unfinished(self, left: Iterable[Unfinished]) -> None:
        """Publish that these are unfinished, as `unfinished` returned them."""
        for each in left:
            self._events.publish(each)

    async def resume(self, session: SessionId, transfer: TransferId) -> bool:
        """Go on with an unfinished transfer, and with its session, where both were.

        The relay of that session must be connected. The partner is away until both are back.

        Returns:
            False where there is no such transfer, or another process is at it.

        Raises:
            RelayUnreachable: There is no connection to a relay.
            FileSendError: What was recorded of it is of another version.
        """
        return self._resuming is not None and await self._resuming.resume(session, transfer)

    async def return_to(self, contacts: Collection[str] | None) -> None:
        """Go on with sessions with contacts in which nothing was under way yet.

        Of a process that was killed in the last ten minutes: their partners are there still, and
        may have asked for something since. They are away until both are back.

        Args:
            contacts: The ids of those contacts; None for all.

        Raises:
            RelayUnreachable: There is no connection to a place.
        """
        if self._resuming is not None:
            await self._resuming.return_to(contacts)

    async def forget(self, session: SessionId, transfer: TransferId) -> bool:
        """Forget an unfinished transfer, and delete what arrived of it.

        Returns:
            False where there is no such transfer, or another process is at it.
        """
        forgotten = None
        if self._resuming is not None:
            forgotten = await self._resuming.forget(session, transfer)
        if forgotten is None:
            return False
        self._events.publish(forgotten)
        return True

    # -- people

    def rename(self, name: str) -> None:
        """Set the name that later partners receive; present partners keep the earlier one."""
        self._sessions.rename(name)

    def verification(self, to: SessionId | None = None) -> str | None:
        """Return the words that two people compare aloud; None while not paired. A secret."""
        return self._sessions.verification(to)

    def verify(self, to: SessionId | None = None) -> Verification:
        """Publish and return the verification words. Raises NotPaired."""
        return self._sessions.verify(to)

    def intend(self, wants: Wants) -> None:
        """Set what this side is there for; sent to each partner that it pairs with afterwards."""
        self._sessions.intend(wants)

    async def connect(self, relay_url: str, *, again: Again = always) -> None:
        """Be at a relay, too; reconnect when the connection is lost.

        The transports are prepared meanwhile, so that the first transfer does not wait for them.

        Args:
            relay_url: The relay's address.
            again: Awaited before each reconnect; returns whether to connect to what is there now.
                It may first start a relay there, and must not raise.

        Raises:
            RelayUnreachable: There is no relay at this address.
        """
        self._warming = self._warming or asyncio.create_task(self._engine.warm())
        await self._sessions.connect(relay_url, again=again)

    async def connect_to_tracker(self, url: str, *, again: Again = always) -> None:
        """Meet people at a WebTorrent tracker, too; reconnect when the connection is lost.

        Args:
            url: Its address, ws or wss.
            again: Awaited before each reconnect; see `connect`.

        Raises:
            RelayUnreachable: Nothing answers there.
        """
        from filesend_tui.core.tracker_place.connection import TrackerPlace

        proxies = self._config.proxies
        await self._sessions.connect_to(
            url, lambda on_word, on_state: TrackerPlace(on_word, on_state, proxies), again=again
        )

    async def disconnect(self, url: str) -> None:
        """Leave a relay or tracker; sessions go on at the others. An unknown one is no error."""
        await self._sessions.disconnect(url)

    def expect_places(self, seconds: float) -> None:
        """Take for granted, for so long, that more places are about to be connected to.

        A code that no place knows yet is not given up before.
        """
        self._sessions.expect_places(seconds)

    def expect_people(self, url: str, seconds: float) -> None:
        """Take for granted, for so long, that others are about to connect to a relay or tracker.

        A code that it does not know yet is not given up before.
        """
        self._sessions.expect_people(url, seconds)

    def expect_return(self, url: str, seconds: float) -> None:
        """Take for granted, for so long, that a relay is about to go, and to be there again empty.

        A code that only it has is opened there again, instead of being lost with it.
        """
        self._sessions.expect_return(url, seconds)

    @property
    def places(self) -> tuple[str, ...]:
        """The URLs of the relays and trackers that this client is connected to."""
        return tuple(place.url for place in self._sessions.places)

    async def create_code(self) -> str:
        """Open a code at every place and return it; `paired` follows when it is used.

        The `code` event has the id of the session to come. An earlier unused code is withdrawn.
        """
        return await self._sessions.create_code()

    async def join(self, code: str) -> SessionId:
        """Pair with the maker of the code; return the session when paired. Raises PairingFailed.

        This side's own unused code is withdrawn.
        """
        return await self._sessions.join(code)

    async def meet(self, secret: bytes, at: str | None = None) -> SessionId:
        """Pair with another holder of the secret, who meets too; return the session when paired.

        The first of the two waits for the other, ten minutes at most.

        Args:
            secret: 32 random bytes that two people share; the relay never learns them.
            at: The URL of the relay where they meet; None: the first.

        Raises:
            ExpiredCode: Nobody came in time.
            PairingFailed: Pairing failed.
            WrongSecret: The other side does not hold the secret.
            RelayUnreachable: There is no connection to that relay, or it was lost.
        """
        return await self._sessions.meet(secret, at)

    async def open_link(self, secret: bytes, at: str) -> SessionId:
        """Pair with whoever made a link to a relay's page; return the session when paired.

        Args:
            secret: The link's (checks.read_link).
            at: The URL of its relay.

        Raises:
            ExpiredCode: Nobody waits by it.
            PairingFailed: Pairing failed.
            WrongSecret: The other side does not hold the secret.
            RelayUnreachable: There is no connection to that relay, or it was lost.
        """
        return await self._sessions.open_link(secret, at)

    def create_link(self, page: str, at: str, people: int = 1) -> bytes:
        """Make a link to a relay's page; return its secret, by which to `meet` who opens it there.

        The `link` event has it. It works as often as this side meets somebody by it.

        Args:
            page: The page's URL, as the other person's browser reaches it.
            at: The relay's, as this client is connected to it.
            people: For how many it is, as people are told.

        Raises:
            RelayUnreachable: There is no connection to that relay.
        """
        return self._sessions.create_link(page, at, people)

    # -- contacts

    async def contacts(self) -> tuple[Contact, ...]:
        """Return whom this side remembers: those of a session first, then the last seen first."""
        return await self._contacts.all() if self._contacts is not None else ()

    async def remember(self, to: SessionId | None = None) -> None:
        """Ask a partner to remember each other, or say yes where they have asked.

        With both yeses a `remembered` event follows on both sides.

        Raises:
            NotPaired: There is no partner.
            FileSendError: Nobody can be remembered here, or by their program; or they are already.
        """
        await self._keeping.remember(to)

    async def decline_remembering(self, to: SessionId | None = None) -> None:
        """Say no to a partner who asks to remember each other. Raises NotPaired."""
        await self._keeping.decline(to)

    async def rename_contact(self, contact: str, name: str) -> Contact:
        """Name a contact, for this side alone. Raises UnknownContact, FileSendError."""
        return await self._keeping.rename(contact, name)

    async def allow_contact(self, contact: str, allowance: Allowance | None) -> Contact:
        """Set what a standing receiver takes of a contact without asking; None for nothing.

        Raises:
            UnknownContact: There is none.
        """
        return await self._keeping.allow(contact, allowed_of(allowance))

    async def forget_contact(self, contact: str) -> bool:
        """Forget a contact at once; on their side too, if they are there within some seconds.

        Returns:
            False where there is none.
        """
        return self._contacts is not None and await self._contacts.forget(contact)

    def wait_for_contacts(self, contacts: Collection[str] | None) -> None:
        """Be there for contacts who call, at every place, from now on; `paired` tells of each.

        Twelve at once at a relay, and four at a tracker, the last seen first; and no contact for
        whom another program of this person waits.

        Args:
            contacts: Their ids; None for all, those to come included; empty for nobody.
        """
        if self._contacts is not None:
            self._contacts.wait_for(contacts)

    async def call(self, contact: str) -> SessionId:
        """Wait until a contact is there, and return the session with them.

        Raises:
            UnknownContact: There is none.
            ContactDoubted: Somebody has used a copy of what is remembered.
        """
        return await self._keeping.call(contact)

    async def is_online(self, contact: str, seconds: float) -> bool:
        """Return whether a contact is there, within so many seconds. Raises as `call`."""
        return await self._keeping.is_online(contact, seconds)

    @property
    def _keeping(self) -> Contacts:
        if self._contacts is None:
            raise FileSendError("Nothing is remembered here.", "Use a state folder.")
        return self._contacts

    async def settle(self, timeout: float) -> bool:
        """Wait until every partner has taken all that was said, also those who are away.

        Returns:
            Whether they have, within `timeout` seconds.
        """
        return await self._sessions.settle(timeout)

    async def leave(self, to: SessionId | None = None) -> None:
        """End a session; running transfers with this partner are cancelled."""
        await self._sessions.leave(to)

    async def request(
        self,
        paths: Collection[Path] | Found,
        *,
        skip_unreadable: bool = False,
        to: SessionId | None = None,
        group: GroupId | None = None,
    ) -> TransferId:
        """Ask a partner to accept these files and folders.

        Args:
            paths: What to send; each of a `Chosen` must still be the same file. Or the result of
                `look_through`: it is checked again, and a failure then is sent to the partner too.
            skip_unreadable: As in `look_through`.
            to: Whom to ask.
            group: Of `new_group`: others are asked for the same.

        Raises:
            NotPaired: There is no partner.
            BadSource: Something cannot be sent; `offenders` lists all of it.
        """
        session = self._sessions.partner(to).id
        return await self._transfers.request(
            session, paths, skip_unreadable=skip_unreadable, group=group
        )

    def new_group(self, size: int) -> GroupId:
        """Return what `request` takes to ask several people for the same.

        It is hashed once, and those who accept are in one private swarm: they feed each other, so
        that hardly more than one copy leaves this side. Each has a transfer of their own, to be
        accepted, paused and cancelled. The torrent is freed with the last of them.

        Args:
            size: How many people will be asked, 2 to 64; each is told how many others there are.

        Raises:
            ValueError: It is another number.
        """
        return self._transfers.new_group(size)

    def request_stream(
        self, descriptor: int, name: str, *, to: SessionId | None = None
    ) -> TransferId:
        """Ask a partner to take what is read from a descriptor, of whatever length, to its end.

        It is read once they said yes, and no faster than it is taken. It ends with this client:
        what was read from a pipe cannot be read again.

        Args:
            descriptor: Open for reading; not closed.
            name: What they see, and what a file of it is called.
            to: Whom to ask.

        Raises:
            NotPaired: There is no partner.
            BadSource: That is no name of a file.
        """
        session = self._sessions.partner(to).id
        return self._transfers.request_stream(session, PipeSource(descriptor), name)

    async def answer(
        self,
        transfer: TransferId,
        accepted: Sequence[bool],
        *,
        output: Path | Target | None = None,
        reason: str = "",
        replace: Sequence[Stood] = (),
    ) -> None:
        """Accept or decline each file, in the request's order.

        Args:
            transfer: The request, of any partner.
            accepted: A yes or no for each file.
            output: Folder for its files; the configured one if None.
            reason: Why it is declined, for the partner to read; at most 200 characters.
            replace: Files in the folder that may be replaced, as they were when that was agreed to;
                with those that are older, where the configuration says so.

        Raises:
            NoSpace, StorageFailed: They cannot be stored there; the request stays open.
        """
        await self._transfers.answer(
            transfer, accepted, output=output, reason=reason, replace=replace
        )

    async def existing(
        self, transfer: TransferId, *, output: Path | Target | None = None
    ) -> tuple[Existing, ...]:
        """Return which files of a request are in the folder already; see `answer`.

        Raises:
            NotPaired, RequestGone: There is no such request.
        """
        return await self._transfers.existing(transfer, output)

    @property
    def arriving(self) -> Arriving:
        """How received files are put where they go, as the configuration says."""
        return self._config.arriving

    async def take_stream(self, transfer: TransferId, descriptor: int) -> None:
        """Accept a stream, which is written to a descriptor as it comes, and compared at its end.

        Args:
            transfer: The request, of any partner.
            descriptor: Open for writing; not closed.

        Raises:
            RequestGone: There is no such request to answer.
            FileSendError: It is for files.
        """
        await self._transfers.take_stream(transfer, PipeTarget(descriptor))

    async def cancel(self, transfer: TransferId) -> None:
        """Cancel a transfer in any state; both sides free everything."""
        await self._transfers.cancel(transfer)

    async def pause(self, transfer: TransferId, files: Collection[int] | None = None) -> None:
        """Pause a transfer, on both sides: none of its bytes go until `go_on`, and nothing is lost.

        A partner who has paused it too has to go on as well. Nothing happens where it is over, not
        agreed on, or paused already.

        Args:
            transfer: Which.
            files: Only leave out these, for now, by their place in the request. The rest goes on,
                and the transfer is done once they are fetched too.

        Raises:
            FileSendError: There are `files`, and this side sends.
        """
        self._transfers.pause(transfer, files)

    async def go_on(self, transfer: TransferId, files: Collection[int] | None = None) -> None:
        """Take this side's pause of a transfer back; only the partner can take back theirs.

        Args:
            transfer: Which.
            files: Only fetch these again, which were left out.

        Raises:
            FileSendError: There are `files`, and this side sends.
        """
        self._transfers.go_on(transfer, files)

    async def move(self, transfer: TransferId, by: int) -> None:
        """Send a transfer so many places later, or below 0 sooner, than in its turn.

        Its place counts where `at_once` of the configuration lets some wait.
        """
        self._transfers.move(transfer, by)

    async def ask_again(self, transfer: TransferId) -> None:
        """Ask its sender to send a transfer that is over again; they decide.

        Raises:
            RequestGone: It was not to be received, is not over, or its sender is gone.
        """
        self._transfers.ask_again(transfer)

    async def say(self, text: str, *, to: SessionId | None = None) -> None:
        """Send a partner a line of text. Raises NotPaired."""
        await self._sessions.partner(to).say(text)

    async def send_text(self, text: str, *, to: SessionId | None = None, wait: float = 0.0) -> bool:
        """Hand a partner some lines of text, at most 64 KiB; they are shown as they are.

        Args:
            text: The text.
            to: Whom.
            wait: Seconds to wait until they have taken it, also while they are away.

        Returns:
            Whether they have taken it by then.

        Raises:
            NotPaired: There is no partner.
            FileSendError: It is empty, or too long.
        """
        return await self._sessions.partner(to).send_text(text, wait)
