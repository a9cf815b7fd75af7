"""The Client: the core's entry point. Commands go in, events come out.

Nothing is decided here: each method passes the command to the package that owns it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.error_events import leftover_events
from filesend_tui.core.event_stream import EventStream, Subscription
from filesend_tui.core.events import (
    ClientDestroyed,
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
from filesend_tui.core.relay_client.connection import Again, always
from filesend_tui.core.resume.resuming import Resuming
from filesend_tui.core.resume.sessions import SessionKeeper
from filesend_tui.core.resume.shares import Shares, hashed
from filesend_tui.core.resume.transfers import JournalKeeper
from filesend_tui.core.sessions.manager import SessionManager
from filesend_tui.core.torrent.engine import Engine
from filesend_tui.core.torrent.sources.create import Found
from filesend_tui.core.torrent.storage.part_folder.leftovers import sweep
from filesend_tui.core.torrent.storage.part_folder.part_folder import part_name
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.torrent.torrent import only
from filesend_tui.core.transports.base import RelayEntry


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
        self._engine = Engine(config, self._events, self._relay)
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

    async def _relay(self) -> RelayEntry:
        address, roads = await self._sessions.roads()
        return RelayEntry(
            address.url.partition("://")[2],
            address.transit,
            address.reflect,
            address.stun(roads.stun_port) if roads.stun_port else "",
            roads.pass_ or b"",
            roads.turn,
        )

    def subscribe(self) -> Subscription:
        """Return a new reader of the event stream: `async for event in client.subscribe()`."""
        return self._events.subscribe()

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
        """Connect to the relay; reconnect when the connection is lost.

        The transports are prepared meanwhile, so that the first transfer does not wait for them.

        Args:
            relay_url: The relay's address.
            again: Awaited before each reconnect; returns whether to connect to what is there now.
                It may first start a relay there, and must not raise.

        Raises:
            RelayUnreachable: There is no relay at this address.
        """
        self._engine.relay_is_at(relay_url)
        self._warming = self._warming or asyncio.create_task(self._engine.warm())
        await self._sessions.connect(relay_url, again=again)

    async def create_code(self) -> str:
        """Ask the relay for a nameplate and return the code; `paired` follows when it is used.

        The `code` event has the id of the session to come. An earlier unused code is withdrawn.
        """
        return await self._sessions.create_code()

    async def join(self, code: str) -> SessionId:
        """Pair with the maker of the code; return the session when paired. Raises PairingFailed.

        This side's own unused code is withdrawn.
        """
        return await self._sessions.join(code)

    async def meet(self, secret: bytes) -> SessionId:
        """Pair with the other holder of the secret, who meets too; return the session when paired.

        The first of the two waits for the other, ten minutes at most.

        Args:
            secret: 32 random bytes that two people share; the relay never learns them.

        Raises:
            PairingFailed: Nobody came in time, or pairing failed.
            WrongSecret: The other side does not hold the secret.
        """
        return await self._sessions.meet(secret)

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
    ) -> TransferId:
        """Ask a partner to accept these files and folders.

        Args:
            paths: What to send; each of a `Chosen` must still be the same file. Or the result of
                `look_through`: it is checked again, and a failure then is sent to the partner too.
            skip_unreadable: As in `look_through`.
            to: Whom to ask.

        Raises:
            NotPaired: There is no partner.
            BadSource: Something cannot be sent; `offenders` lists all of it.
        """
        session = self._sessions.partner(to).id
        return await self._transfers.request(session, paths, skip_unreadable=skip_unreadable)

    async def answer(
        self,
        transfer: TransferId,
        accepted: Sequence[bool],
        *,
        output: Path | Target | None = None,
        reason: str = "",
    ) -> None:
        """Accept or decline each file, in the request's order.

        Args:
            transfer: The request, of any partner.
            accepted: A yes or no for each file.
            output: Folder for its files; the configured one if None.
            reason: Why it is declined, for the partner to read; at most 200 characters.

        Raises:
            NoSpace, StorageFailed: They cannot be stored there; the request stays open.
        """
        await self._transfers.answer(transfer, accepted, output=output, reason=reason)

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
