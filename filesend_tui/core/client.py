"""The Client: the core's entry point. Commands go in, events come out.

Nothing is decided here: each method passes the command to the package that owns it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.error_events import leftover_events
from filesend_tui.core.event_stream import EventStream, Subscription
from filesend_tui.core.events import ClientDestroyed, SessionId, TransferId, Verification, Wants
from filesend_tui.core.exchange.manager import TransferManager
from filesend_tui.core.relay_client.connection import always
from filesend_tui.core.sessions.manager import SessionManager
from filesend_tui.core.torrent.engine import Engine
from filesend_tui.core.torrent.sources.create import Found
from filesend_tui.core.torrent.storage.part_folder.leftovers import sweep
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.torrent.torrent import only


class Client:
    """Seeds, adds and removes torrents; pairs with people; exchanges files with each of them.

    All methods must be called on the event loop that created it. Every failure is a FileSendError.
    A method's `to` is the id of a session, as in events; None means the only session, and raises
    SeveralPartners if there are several.

    Args:
        config: How it behaves.

    Raises:
        ChannelFailed: The settings force a transport, or a kind of it, that is not available.
    """

    def __init__(self, config: ClientConfig) -> None:
        self._config = config
        self._events = EventStream()
        self._engine = Engine(config, self._events)
        self._transfers = TransferManager(self._events, self._engine, config)
        self._sessions = SessionManager(self._events, config.name, self._transfers.begin)
        self._warming: asyncio.Task[None] | None = None
        self._destroyed = False

    def subscribe(self) -> Subscription:
        """Return a new reader of the event stream: `async for event in client.subscribe()`."""
        return self._events.subscribe()

    async def tidy(self, folder: Path) -> None:
        """Find unfinished downloads of earlier runs in a folder, and remove those without an owner.

        Publishes a `leftover` event for each. A download does the same for its own folder.
        """
        for event in leftover_events(folder, await asyncio.to_thread(sweep, folder)):
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
        return await self._engine.seed(
            paths, trackers=trackers, name=name, skip_unreadable=skip_unreadable
        )

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
            delete_data: Also delete an unfinished download's part files.
        """
        await self._engine.remove(torrent, delete_data=delete_data)

    async def destroy(self) -> None:
        """End everything and free it; the event stream ends with `clientDestroyed`."""
        if self._destroyed:
            return
        self._destroyed = True
        try:
            await self._sessions.destroy()
            if self._warming is not None:
                await self._warming
        finally:
            await self._engine.destroy()
            self._events.publish(ClientDestroyed())
            self._events.close()

    def limit(self, *, upload: int | None, download: int | None) -> None:
        """Limit file data to so many bytes a second from now on, over all torrents together.

        Args:
            upload: Bytes a second, at least 1; None for no limit.
            download: Likewise.
        """
        self._engine.limit(upload=upload, download=download)

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

    async def connect(self, relay_url: str, *, again: Callable[[], bool] = always) -> None:
        """Connect to the relay; reconnect when the connection is lost.

        The transports are prepared meanwhile, so that the first transfer does not wait for them.

        Args:
            relay_url: The relay's address.
            again: Called before each reconnect; returns whether to connect to what is there now.

        Raises:
            RelayUnreachable: There is no relay at this address.
        """
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

    async def say(self, text: str, *, to: SessionId | None = None) -> None:
        """Send a partner a line of text. Raises NotPaired."""
        await self._sessions.partner(to).say(text)
