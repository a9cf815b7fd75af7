"""Where a run meets people: a relay that was named or this machine's own, relays nearby, trackers.

The first is waited for; the others come as they come, and are tried again by themselves. What
happens at a place is the core's; how this machine's own relay is started is local_relay.py's.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from importlib import import_module
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from filesend_tui.core.checks import link_to, relay_address, relay_url, tracker_url
from filesend_tui.core.errors import FileSendError, RelayUnreachable
from filesend_tui.core.nearby.relays import NearbyRelay, NearbyRelays
from filesend_tui.core.util import own_address
from filesend_tui.core.util.proxies import NO_PROXIES, Proxies
from filesend_tui.core.util.tasks import Tasks
from filesend_tui.core.util.text import clean
from filesend_tui.runtime.client_api import PlacesClient
from filesend_tui.runtime.local_relay import Ask, LocalRelay

_log = logging.getLogger(__name__)

#: Seconds in which relays nearby are found, as a rule, once the network is looked at.
_FOUND_IN: Final = 0.3
#: Seconds in which one of them is connected to, unless it is of no use.
_REACHED_IN: Final = 1.5
#: Seconds in which trackers and relays nearby are connected to, as a rule.
_SOON: Final = 3.0
#: Seconds in which those who are on this network find a relay that was started on it, as a rule.
_COME_HERE: Final = 6.0
#: Seconds in which this machine's own relay is restarted, and connected to again.
_RESTARTED_IN: Final = 20.0
_MAX_ANSWER: Final = 16 * 1024
#: What `--at` takes.
_POSSIBLE: Final = (
    "a place is relay, own, nearby, trackers, or a URL such as http://192.168.1.7:8421"
)
#: Seconds between looks whether the relay has a page: one of a clone builds it the first time.
_PAGE_AFTER: Final = (0.0, 5.0, 10.0, 20.0, 40.0)
#: Backoff in seconds between two tries to connect to a place that is not there.
_FIRST_DELAY: Final = 2.0
_LONGEST_DELAY: Final = 60.0


async def _asked(url: str, proxies: Proxies) -> tuple[str, bytes]:
    """Return the media type and the beginning of what a relay has there; nothing where it fails."""
    http: Any = await asyncio.to_thread(import_module, "filesend_tui.core.util.http_client")
    try:
        async with (
            asyncio.timeout(_SOON),
            http.http_session(proxies.of(url)) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            if answer.status == HTTPStatus.OK:
                return answer.content_type, await http.beginning(answer, _MAX_ANSWER)
    except Exception as error:  # a server there may answer anything at all
        _log.debug("%s does not answer: %r", url, error)
    return "", b""


async def has_page(relay: str, proxies: Proxies) -> bool:
    """Return whether a relay has the page for people who have only a browser."""
    kind, _ = await _asked(relay_address(relay).page, proxies)
    return kind == "text/html"


async def instance_of(relay: str, proxies: Proxies) -> str:
    """Return the name under which a relay announces itself nearby; empty where it does not say."""
    _, answer = await _asked(f"{relay}/healthz", proxies)
    try:
        said = json.loads(answer)
    except (ValueError, RecursionError):
        return ""
    name = said.get("instance") if isinstance(said, dict) else None
    return name if isinstance(name, str) else ""


class Choice(NamedTuple):
    """Which places a run uses.

    relays: URLs of relays that were named. own: this machine's own, too. nearby: those that are
    found on this network; one's own is for others there where there is none. trackers: URLs.
    at: the relay that was named with a code, one of `relays`: without it nobody is met.
    """

    relays: tuple[str, ...] = ()
    own: bool = False
    nearby: bool = False
    trackers: tuple[str, ...] = ()
    at: str = ""


def chosen(every: Choice, only: Sequence[str], at: str = "") -> Choice:
    """Return which of these places a run uses.

    Args:
        every: Those of the settings.
        only: `relay`, `own`, `nearby`, `trackers`, and URLs of relays (http, https, or a host) and
            trackers (ws, wss): these alone. Empty: all.
        at: The address of a relay that goes with a code, which is used first; or empty.

    Raises:
        ValueError: One of them is none of these, or is not in the settings.
    """
    choice = every if not only else Choice()
    for each in only:
        match each:
            case "relay" if every.relays:
                choice = choice._replace(relays=(*choice.relays, *every.relays))
            case "relay":
                raise ValueError("the settings name no relay")
            case "own":
                choice = choice._replace(own=True)
            case "nearby":
                choice = choice._replace(nearby=True)
            case "trackers" if every.trackers:
                choice = choice._replace(trackers=(*choice.trackers, *every.trackers))
            case "trackers":
                raise ValueError("the settings name no tracker")
            case _ if each.startswith(("ws://", "wss://")):
                choice = choice._replace(trackers=(*choice.trackers, tracker_url(each)))
            case _ if {*".:/"} & {*each}:
                choice = choice._replace(relays=(*choice.relays, relay_url(each)))
            case _:  # a host may be called so, but more likely it is a slip
                raise ValueError(f"“{clean(each, 80)}” is none; {_POSSIBLE}")
    if at:
        there = relay_url(at)
        relays = dict.fromkeys((there, *choice.relays))
        choice = choice._replace(relays=(*relays,), own=False, at=there)
    return choice


class MeetingPlaces:
    """The places of one run; made outside of an event loop, opened in one.

    Args:
        choice: Which.
        local: This machine's own relay.
        proxies: What relays are reached by.

    told: called where this machine's own relay is for others on the network from now on, or is not
    any more; `is_wide` tells.
    """

    def __init__(
        self,
        choice: Choice,
        local: LocalRelay,
        proxies: Proxies = NO_PROXIES,
    ) -> None:
        self.told: Callable[[], None] = lambda: None
        self._choice = choice
        self._local = local
        self._proxies = proxies
        self._client: PlacesClient | None = None
        self._nearby: NearbyRelays | None = None
        self._coming: dict[str, asyncio.Task[None]] = {}
        self._somebody = asyncio.Event()
        self._reached = asyncio.Event()
        self._has_page = False
        #: Whether the main relay said that it is for others on the network: another process of this
        #: machine may have started it.
        self._is_announced = False
        self._tasks = Tasks()

    @property
    def main(self) -> str:
        """The URL of the place that is waited for: a relay; empty: whichever comes first."""
        if self._choice.relays:
            return self._choice.relays[0]
        return self._local.url if self._choice.own else ""

    @property
    def named(self) -> tuple[str, ...]:
        """The URLs of all that are named, and of this machine's own relay."""
        own = (self._local.url,) if self._choice.own else ()
        return (*self._choice.relays, *own, *self._choice.trackers)

    @property
    def beyond(self) -> bool:
        """Whether people of other machines may be met, wherever the named places are."""
        return bool(self._choice.trackers) or self._choice.nearby

    @property
    def looks_around(self) -> bool:
        """Whether this network is looked at."""
        return self._choice.nearby

    @property
    def is_wide(self) -> bool:
        """Whether others on this network can reach this machine's own relay."""
        return self._local.is_wide

    def where(self) -> str:
        """Return in a few words where a code of this side can be used."""
        choice = self._choice
        ways = [f"at {url}" for url in choice.relays]
        if choice.nearby:
            ways.append("on this network")
        elif choice.own:
            ways.append("on this machine")
        if choice.trackers:
            ways.append("through public trackers")
        return " and ".join(filter(None, (", ".join(ways[:-1]), ways[-1])))

    def command(self, code: str, *, sends: str = "") -> str:
        """Return what the other person types for a code of this side: with the place, if need be.

        Where people are met at a relay alone, nobody else would find it.

        sends: what they are to send, as it stands there; empty: they receive.
        """
        choice = self._choice
        at = "" if choice.nearby or choice.trackers or not choice.relays else choice.relays[0]
        whole = f"{code}{f'@{at}' if at else ''}"
        return f"filesend send {sends} --code {whole}" if sends else f"filesend receive {whole}"

    def link(self, code: str) -> str:
        """Return the link by which somebody with only a browser uses a code of this side.

        Empty where the main relay has no page, as far as that is known yet.
        """
        return link_to(self.page, code) if self._has_page else ""

    @property
    def page(self) -> str:
        """The URL of the main relay's page as others' browsers reach it; empty: there is none."""
        main = self.main
        if main and self._choice.own and (self._local.is_wide or self._is_announced):
            # Others on this network know it by another address than this machine does.
            port = urlsplit(main).port
            if (outward := own_address.outward()) is not None:
                main = f"http://{f'[{outward}]' if ':' in outward else outward}:{port}"
        return relay_address(main).page if main else ""

    def look_for_page(self) -> None:
        """Find out in the background whether there is one, and call `told` then."""
        self._tasks.spawn(self._look_for_page())

    async def find_page(self) -> bool:
        """Return whether the main relay has a page; a relay of this machine may be building it."""
        main, self._has_page = self.main, False
        if main:
            self._has_page = await has_page(main, self._proxies)
        if self._choice.own and not self._local.is_wide:
            self._is_announced = bool(await instance_of(self._local.url, self._proxies))
        return self._has_page

    async def open(self, client: PlacesClient, ask: Ask) -> None:
        """Connect to all; return once the main relay is connected, or another place instead of it.

        May be called again where all are lost.

        Args:
            client: Whose places they are.
            ask: Asked about a relay of this machine that another user runs.

        Raises:
            RelayUnreachable: None of them answers, or not that of the code; why, of the main relay.
        """
        self._client = client
        if self.beyond:
            client.expect_places(_SOON)
        if self._choice.nearby and self._nearby is None:
            self._nearby = NearbyRelays(
                lambda relay: self._found(client, relay),
                lambda relay: self._gone(client, relay),
                lambda: self._local.instance,
            )
            await self._nearby.start()
        for url in self._choice.trackers:
            self._come(client, url, client.connect_to_tracker)
        for url in self._choice.relays[1:]:
            self._come(client, url, client.connect)
        try:
            if self._choice.relays:
                await client.connect(self._choice.relays[0])
            elif self._choice.own:
                await self._open_own(client, ask)
            else:
                raise RelayUnreachable("No place answers where people could be met.")
        except RelayUnreachable:
            others = self.beyond or self._choice.relays[1:]
            if self._choice.at or not others or not await self._any(client):
                raise

    async def narrow(self) -> None:
        """Keep this machine's own relay to this machine from now on."""
        self._choice = self._choice._replace(nearby=False)
        nearby, self._nearby = self._nearby, None
        if nearby is not None:
            await nearby.close()
        if self._client is not None:
            self._client.expect_return(self._local.url, _RESTARTED_IN)
        await self._local.narrow()
        self.told()

    async def close(self) -> None:
        """Stop looking for places, and connecting to them."""
        nearby, self._nearby = self._nearby, None
        if nearby is not None:
            await nearby.close()
        await self._tasks.cancel()

    def stop(self) -> None:
        """End the relay that was started here, if one was."""
        self._local.stop()

    # -- internals

    async def _open_own(self, client: PlacesClient, ask: Ask) -> None:
        self._tasks.spawn(self._local.prepare())
        self._tasks.spawn(self._load())
        if self._nearby is not None and not await self._is_anybody_near(self._nearby):
            await self._local.widen()
        url = await self._local.find(ask)
        self.told()
        await client.connect(url, again=self._local.find_again)
        if self._local.is_wide:  # the others have to come here first
            client.expect_people(url, _COME_HERE)

    async def _look_for_page(self) -> None:
        for delay in _PAGE_AFTER:
            await asyncio.sleep(delay)
            if await self.find_page():
                self.told()
                return

    async def _load(self) -> None:
        """Load what connects to a relay, while the network is looked at and a relay starts."""
        if self._nearby is not None:
            await self._nearby.ready()  # what looks at it is loaded first: that is waited for
        await asyncio.to_thread(import_module, "filesend_tui.core.relay_client.socket_client")

    async def _is_anybody_near(self, nearby: NearbyRelays) -> bool:
        """Return whether a relay nearby can be used; nobody waits for a network that is slower.

        One that only announces itself must not keep two from meeting at one of theirs.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(_FOUND_IN * 3):
                await nearby.ready()
                if not nearby.why_none:
                    async with asyncio.timeout(_FOUND_IN):
                        await self._somebody.wait()
        if not nearby.rows:
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(_REACHED_IN):
                await self._reached.wait()
        return self._reached.is_set()

    @staticmethod
    async def _any(client: PlacesClient) -> bool:
        """Wait for any place, for a while; return whether there is one."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _SOON
        while not client.places and loop.time() < until:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
        return bool(client.places)

    def _found(self, client: PlacesClient, relay: NearbyRelay) -> None:
        self._somebody.set()
        if relay.url in self.named:
            return
        client.expect_places(_SOON)
        self._come(client, relay.url, partial(self._connect_nearby, client, relay))

    async def _connect_nearby(self, client: PlacesClient, relay: NearbyRelay, url: str) -> None:
        """Connect to a relay nearby, unless it is the main one under another address.

        There, this side would take the numbers of its own codes, and meet itself.
        """
        relays = [each for each in self.named if each.startswith("http")]
        names = await asyncio.gather(*(instance_of(each, self._proxies) for each in relays))
        if relay.instance not in names:
            await client.connect(url, again=partial(self._is_near, client, url))
        self._reached.set()

    async def _is_near(self, client: PlacesClient, url: str) -> bool:
        """Return whether a relay that was lost is still announced; leave it otherwise."""
        near = self._nearby is not None and url in {each.url for each in self._nearby.rows}
        if not near:
            self._tasks.spawn(self._leave(client, url))
        return near

    def _gone(self, client: PlacesClient, relay: NearbyRelay) -> None:
        coming = self._coming.pop(relay.url, None)
        if coming is not None:
            coming.cancel()
        # Anybody can say that it is gone. While it answers, it is not: see `_is_near`.
        if relay.url not in client.places:
            self._tasks.spawn(self._leave(client, relay.url))

    async def _leave(self, client: PlacesClient, url: str) -> None:
        # One that was named, or is all there is, is waited for: to leave it would end sessions.
        if self.named and url not in self.named:
            await client.disconnect(url)
        # Its owner has left: somebody has to be there for those who come.
        if self._nearby is not None and not self._nearby.rows and self._choice.own:
            client.expect_return(self._local.url, _RESTARTED_IN)
            await self._local.widen()
            self.told()

    def _come(
        self,
        client: PlacesClient,
        url: str,
        connect: Callable[[str], Awaitable[None]],
    ) -> None:
        """Connect to a place until it works; afterwards the connection keeps itself."""
        before = self._coming.get(url)
        if url not in client.places and (before is None or before.done()):
            self._coming[url] = self._tasks.spawn(self._connect(url, connect))

    @staticmethod
    async def _connect(url: str, connect: Callable[[str], Awaitable[None]]) -> None:
        delay = _FIRST_DELAY
        while True:
            try:
                await connect(url)
            except FileSendError as error:
                _log.info("nobody is met at %s: %s", url, error)
            else:
                return
            await asyncio.sleep(delay * random.uniform(0.7, 1.0))  # noqa: S311 - jitter, no secret
            delay = min(2 * delay, _LONGEST_DELAY)
