"""One swarm at one tracker, for its whole life: connects, and reconnects with backoff.

The frames of a connection are tracker_session's; opening channels is the dialer's.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from filesend_tui.core.errors import ChannelFailed, FileSendError, TrackerFailed
from filesend_tui.core.meeting.dialer import Dialer
from filesend_tui.core.meeting.timings import DEFAULT, Timings
from filesend_tui.core.meeting.tracker_session import Presence, TrackerFloods, TrackerSession
from filesend_tui.core.util.proxies import Proxy
from filesend_tui.core.util.text import clean
from filesend_tui.core.util.unreachable import why_unreached
from filesend_tui.core.util.websocket_client import way_to, websocket_client

if TYPE_CHECKING:
    pass

#: Largest frame taken from a tracker, in bytes: an offer of full length, escaped.
MAX_FRAME: Final = 256 * 1024
#: Timeouts in seconds for connecting, and for closing a connection.
OPEN_TIMEOUT: Final = 10.0
CLOSE_TIMEOUT: Final = 1.0

log = logging.getLogger(__name__)


def tracker_name(url: str) -> str:
    """Return a tracker's address for people: without path and query, which contain passkeys."""
    parts = urlsplit(url)
    return clean(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")


class Announcer:
    """An announcer of one swarm at one tracker.

    Args:
        url: ws:// or wss://.
        on_accepted: Called when the tracker accepted an announce.
        on_problem: Called once when it fails, and again only after it had worked.
        proxy: What it is reached by; None: by nothing.
    """

    def __init__(
        self,
        url: str,
        *,
        presence: Presence,
        dialer: Dialer,
        on_accepted: Callable[[], None],
        on_problem: Callable[[FileSendError], None],
        timings: Timings = DEFAULT,
        proxy: Proxy | None = None,
    ) -> None:
        self._url = url
        self._proxy = proxy
        #: Its address for people.
        self.name = tracker_name(url)
        self._presence = presence
        self._dialer = dialer
        self._on_accepted = on_accepted
        self._on_problem = on_problem
        self._timings = timings
        self._key = secrets.token_hex(16)
        self._session: TrackerSession | None = None
        self._sessions = 0
        self._task: asyncio.Task[None] | None = None
        self._accepted = False
        self._told_failure = False
        self._told_flood = False
        self._told_lame = False

    def start(self) -> None:
        """Start a task that announces until `stop`."""
        self._task = asyncio.create_task(self._run())

    def more_peers(self) -> None:
        """Announce soon, if there is a connection; a new one begins with an announce anyway."""
        if self._session:
            self._session.more_peers()

    def peer_met(self) -> None:
        """Note that a peer was met, at this tracker or another."""
        if self._session:
            self._session.peer_met()

    def completed(self) -> None:
        """Announce that the download is complete; a later connection reports it by `left`."""
        if self._session:
            self._session.completed()

    async def stop(self) -> None:
        """Announce `stopped`, if the tracker is connected, and end."""
        if self._task is None:
            return
        try:
            async with asyncio.timeout(self._timings.farewell):
                if self._session:
                    await self._session.farewell()
        except (TimeoutError, TrackerFailed):
            log.debug("%s did not hear the goodbye", self.name)
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _run(self) -> None:
        delay = self._timings.first_retry
        while True:
            self._accepted = False
            try:
                await self._announce()
            except TrackerFailed as problem:
                log.debug("%s", problem)
                if isinstance(problem, TrackerFloods):
                    if not self._told_flood:
                        self._told_flood = True
                        self._on_problem(problem)
                elif self._accepted:
                    # It worked until now: a problem is reported only if the reconnect fails.
                    delay = self._timings.first_retry
                elif not self._told_failure:
                    self._told_failure = True
                    self._on_problem(problem)
            await asyncio.sleep(delay * random.uniform(0.75, 1.25))  # noqa: S311 - spreads load
            delay = min(delay * 2, self._timings.max_retry)

    async def _announce(self) -> None:
        """As `_serve`; a fault of this program is logged and told when it happens."""
        try:
            await self._serve()
        except TrackerFailed:
            raise
        except Exception as fault:
            log.exception("announcing at %s brought a fault to light", self.name)
            raise TrackerFailed(
                f"Something in this program broke while it asked the tracker at {self.name}.",
                FileSendError.default_hint,
            ) from fault

    async def _serve(self) -> None:
        """Connect and announce until the connection ends.

        Raises:
            TrackerFailed: It ended; it ends no other way.
        """
        connect_to, broken = await asyncio.to_thread(websocket_client)
        try:
            async with connect_to(
                self._url,
                **await way_to(self._url, self._proxy),
                compression=None,
                max_size=MAX_FRAME,
                open_timeout=OPEN_TIMEOUT,
                close_timeout=CLOSE_TIMEOUT,
                user_agent_header="FileSend",
            ) as socket:
                self._sessions += 1
                self._session = TrackerSession(
                    socket,
                    name=self.name,
                    again=self._sessions > 1,
                    key=self._key,
                    presence=self._presence,
                    dialer=self._dialer,
                    timings=self._timings,
                    on_accepted=self._accept,
                    on_lame=self._lame,
                )
                await self._session.run()
        except (OSError, ValueError, broken) as error:
            log.debug("%s: %r", self.name, error)
            why = why_unreached(error)
            raise TrackerFailed(
                f"The tracker at {self.name} does not answer{f': {why.reason}' if why else ''}.",
                why.hint if why else "",
            ) from error
        finally:
            self._session = None

    def _accept(self) -> None:
        self._accepted = True
        self._told_failure = False
        self._on_accepted()

    def _lame(self, problem: ChannelFailed) -> None:
        if not self._told_lame:
            self._told_lame = True
            self._on_problem(problem)
