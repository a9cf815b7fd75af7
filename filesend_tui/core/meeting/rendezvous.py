"""The source of a swarm's peers: all its trackers, as one stream of channels.

Combines announcers and a dialer; decides nothing about protocol or torrents.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import FileSendError, TrackerFailed
from filesend_tui.core.meeting.announcer import Announcer
from filesend_tui.core.meeting.dialer import Dialer, MetPeer
from filesend_tui.core.meeting.invitation import Invitation, Reach
from filesend_tui.core.meeting.signaling import Signaling
from filesend_tui.core.meeting.timings import DEFAULT, Timings
from filesend_tui.core.meeting.tracker_session import Presence, Totals
from filesend_tui.core.transports.base import Channel
from filesend_tui.core.transports.clues import Tried
from filesend_tui.core.transports.registry import Roads

__all__ = ["MetPeer", "Rendezvous", "Totals", "usable_trackers"]

#: Most trackers of one torrent: a magnet is a stranger's text.
MAX_TRACKERS: Final = 8
#: Most trackers up to which one is added to a running torrent.
MOST_WITH_ADDED: Final = 4
#: Default timeout in seconds of `announced`.
ANNOUNCE_TIMEOUT: Final = 20.0
#: Likewise for two who are paired: their tracker is the relay's, which may be away for a while.
PATIENT_TIMEOUT: Final = 600.0

#: Seconds that a peer who was invited has before others are looked for.
INVITED_TIMEOUT: Final = 3.0

log = logging.getLogger(__name__)


def _kept_back(totals: Totals) -> Totals:
    """Return the figures a private swarm sends its tracker: whether data is missing, not how much.

    An exact size may identify the file.
    """
    return Totals(0, 0, None if totals.left is None else min(totals.left, 1))


def usable_trackers(urls: Sequence[str]) -> list[str]:
    """Return the WebSocket trackers among the URLs, each once, at most MAX_TRACKERS."""
    usable: dict[str, None] = {}
    for url in urls:
        try:
            parts = urlsplit(url)
            if parts.scheme in {"ws", "wss"} and parts.hostname and parts.port != 0:
                usable[url] = None
        except ValueError:
            log.debug("a tracker's address makes no sense")
    return list(usable)[:MAX_TRACKERS]


class Rendezvous:
    """An async iterator of the peers whose channels opened, until `stop`.

    Args:
        signaling: What trackers see of this swarm.
        peer_id: Ours, 20 bytes; the same for the life of this object.
        trackers: URLs; those that are not ws:// or wss:// are left out.
        roads: How peers may be reached; in an open swarm only the one of WebTorrent is used.
        config: Has the number of offers in an announce, and what trackers are reached by.
        totals: Called at every announce.
        wants_peers: How many more peers the swarm wants now.
        on_problem: Called with TrackerFailed once when a tracker fails (and again only after it
            had worked), and with ChannelFailed when no offer can be made. Both are retried.
        is_silent: Whether nothing comes over a channel given out: its peer may be met again.
        learned: Called with more of what became of better roads than that of a channel given out.
    """

    def __init__(
        self,
        *,
        signaling: Signaling,
        peer_id: bytes,
        trackers: Sequence[str],
        roads: Roads,
        config: ClientConfig,
        totals: Callable[[], Totals],
        wants_peers: Callable[[], int],
        on_problem: Callable[[FileSendError], None] = lambda _problem: None,
        is_silent: Callable[[Channel], bool] = lambda _channel: False,
        learned: Callable[[Channel, tuple[Tried, ...]], None] = lambda _channel, _tried: None,
        timings: Timings = DEFAULT,
    ) -> None:
        self._on_problem = on_problem
        self._met: deque[MetPeer] = deque()
        self._arrived = asyncio.Event()
        self._news = asyncio.Event()
        self._accepted = False
        self._stopped = False
        self._inviting: asyncio.Task[None] | None = None
        self._failures: dict[str, TrackerFailed] = {}
        self._dialer = Dialer(
            signaling=signaling,
            peer_id=peer_id,
            roads=roads,
            met=self._meet,
            wants_peers=wants_peers,
            is_silent=is_silent,
            learned=learned,
            # The other side's next announce may be minutes away.
            missed=self.more_peers,
            timings=timings,
        )
        self._presence = Presence(
            swarm=signaling.rendezvous,
            peer_id=peer_id,
            offers=config.offers,
            totals=(lambda: _kept_back(totals())) if signaling.private else totals,
            wants_peers=wants_peers,
        )
        self._proxies = config.proxies
        self._timings = timings
        self._announcing = False
        self._announcers: dict[str, Announcer] = {}
        for url in usable_trackers(trackers):
            self._announcers[url] = self._announcer(url)

    @property
    def trouble(self) -> FileSendError | None:
        """Why no peers are met: no tracker works, or the last peer could not be reached.

        None: no cause is known.
        """
        if self._announcers and len(self._failures) == len(self._announcers):
            return next(iter(self._failures.values()))
        return self._dialer.failure

    async def start(self, invitation: Invitation | None = None, reach: Reach | None = None) -> None:
        """Start to announce; return at once.

        Args:
            invitation: An offer to a known peer, which is tried first.
            reach: That peer's answer to it.
        """
        if invitation is not None and reach is not None:
            self._inviting = asyncio.create_task(self._meet_first(invitation, reach))
        else:
            self._announce()

    def add_tracker(self, url: str) -> bool:
        """Announce at one more tracker, as at the others; at once if these are announced to.

        Returns:
            Whether it is one of the trackers now. One that was there already is left as it is; one
            that makes no sense, or is one too many (MOST_WITH_ADDED), is not used.
        """
        if url in self._announcers:
            return True
        full = len(self._announcers) >= MOST_WITH_ADDED
        if self._stopped or full or not usable_trackers([url]):
            return False
        announcer = self._announcers[url] = self._announcer(url)
        if self._announcing:
            announcer.start()
        return True

    async def answer(self, reach: Reach) -> Reach | None:
        """Answer a known peer's invitation; None where there is no transport in common."""
        return await self._dialer.answer_reach(reach)

    async def _meet_first(self, invitation: Invitation, reach: Reach) -> None:
        try:
            async with asyncio.timeout(INVITED_TIMEOUT):
                await self._dialer.reach(invitation, reach)
        except TimeoutError:
            log.debug("an invitation takes long: the trackers are asked, too")
        self._announce()

    def _announce(self) -> None:
        self._announcing = True
        for announcer in self._announcers.values():
            announcer.start()
        if not self._announcers:
            self._on_problem(self._nowhere())

    async def announced(self, timeout: float = ANNOUNCE_TIMEOUT, *, patient: bool = False) -> None:
        """Wait until a tracker has accepted the swarm.

        Args:
            timeout: Seconds.
            patient: Where all failed, wait for one that is tried again all the same.

        Raises:
            TrackerFailed: All failed, or none answered in `timeout` seconds.
        """
        if not self._announcers:
            raise self._nowhere()
        try:
            async with asyncio.timeout(timeout):
                while not self._accepted:
                    if len(self._failures) == len(self._announcers) and not patient:
                        raise next(iter(self._failures.values()))
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            if self._failures:
                raise next(iter(self._failures.values())) from None
            names = ", ".join(announcer.name for announcer in self._announcers.values())
            raise TrackerFailed(f"No answer came in time from {names}.") from None

    async def completed(self) -> None:
        """Announce to the trackers that the download is complete; return at once."""
        for announcer in self._announcers.values():
            announcer.completed()

    def more_peers(self) -> None:
        """Announce soon: peers are missing. Rate-limited, so callable at any time."""
        for announcer in self._announcers.values():
            announcer.more_peers()

    async def stop(self) -> None:
        """Leave the swarm and free everything; iteration ends. Channels given out stay open."""
        self._stopped = True
        self._arrived.set()
        if self._inviting is not None:
            self._inviting.cancel()
            await asyncio.wait({self._inviting})
        try:
            await asyncio.gather(*(announcer.stop() for announcer in self._announcers.values()))
        finally:
            await self._dialer.close()
        unclaimed, self._met = self._met, deque()
        await asyncio.gather(*(met.channel.close() for met in unclaimed))

    def __aiter__(self) -> Rendezvous:
        return self

    async def __anext__(self) -> MetPeer:
        while not self._met or self._stopped:
            if self._stopped:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._met.popleft()

    def _meet(self, met: MetPeer) -> None:
        self._met.append(met)
        self._arrived.set()
        for announcer in self._announcers.values():
            announcer.peer_met()

    def _announcer(self, url: str) -> Announcer:
        return Announcer(
            url,
            presence=self._presence,
            dialer=self._dialer,
            on_accepted=partial(self._accept, url),
            on_problem=partial(self._fail, url),
            timings=self._timings,
            proxy=self._proxies.of(url),
        )

    def _accept(self, url: str) -> None:
        self._accepted = True
        self._failures.pop(url, None)
        self._news.set()

    def _fail(self, url: str, problem: FileSendError) -> None:
        if isinstance(problem, TrackerFailed):
            self._failures[url] = problem
            self._news.set()
        self._on_problem(problem)

    @staticmethod
    def _nowhere() -> TrackerFailed:
        return TrackerFailed(
            "There is no tracker to meet peers at.",
            "Name a WebSocket tracker (ws:// or wss://), such as the one of your own relay.",
        )
