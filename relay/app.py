"""The relay as one ASGI app: people, the tracker, the page, health and metrics."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping, Sequence
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec
import socketio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from relay.bus.base import Bus
from relay.bus.local import LocalBus
from relay.guard.addresses import Networks, Proxies
from relay.guard.admission import Admission
from relay.guard.connection_guard import ConnectionGuard
from relay.guard.hosts import means_this_machine
from relay.guard.limits import Limits
from relay.guard.loop_time import LoopTime
from relay.guard.socketio_guard import SocketServer
from relay.metrics import Metrics
from relay.people.handlers import People
from relay.protocol.reflect import REFLECT_PATH, Reflection
from relay.protocol.transit import TRANSIT_PATH
from relay.stores.base import PeopleTotals, StoreAway, Stores, SwarmTotals
from relay.stores.memory.stores import memory_stores
from relay.stun import StunServer
from relay.tracker.sockets import Tracker
from relay.transit.passes import Passes
from relay.transit.pipes import Transit
from relay.turn import TurnServers
from relay.web.page import Page
from relay.web.page_key import SavedPages

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

TRACKER_PATHS: Final = ("/", "/announce", "/tracker")
SOCKET_IO_PATH: Final = "/socket.io"
#: Who may read the metrics by default: this machine.
LOOPBACK: Final = ("127.0.0.0/8", "::1")

# Engine.IO's error for a transport that a server does not support (protocol revision 4).
_NO_POLLING: Final = b'{"code":0,"message":"Transport unknown"}'
_NOT_THIS_HOST: Final = (
    b"This relay listens on loopback and was asked for under another machine's name. Behind a "
    b"proxy, name that with --trusted-proxy."
)
# Seconds that a start waits for the way to other processes.
_OPENING: Final = 5.0
_NOT_ADMITTED: Final = b"This relay is for other networks."
#: Whether it is there, and figures, of which who may read them is said apart.
_FOR_ANYBODY: Final = ("/healthz", "/metrics")
# Seconds after which the log says again that the store is away.
_SAID_AGAIN: Final = 60.0
# How often a task is cancelled that does not end, a second apart.
_ENDING: Final = 5
# Seconds between two looks whether everybody is gone.
_LOOK_AGAIN: Final = 0.05
# Longest query, in bytes. Clients of socket.io send EIO, transport, perhaps a time against caches.
_MAX_QUERY: Final = 256


def create_app(
    limits: Limits | None = None,
    proxies: Proxies | None = None,
    metrics_to: Sequence[str] = LOOPBACK,
    stores: Stores | None = None,
    turn: TurnServers | None = None,
    *,
    pages: SavedPages | None = None,
    bus: Bus | None = None,
    admission: Admission | None = None,
    instance: str | None = None,
) -> RelayApp:
    """Return a relay, ready to be served.

    metrics_to: addresses and networks that may read `/metrics`. stores: its state, made with the
    same limits; in the memory of this process if None. turn: for people who are paired. bus: leads
    to the other processes that share them; closed at its end. pages: lets pages from disk in; None:
    none is let in. admission: who is let in; None: everybody. instance: its name on this network,
    where it is announced: /healthz tells it.

    Raises:
        ValueError: One of metrics_to is neither.
    """
    limits = limits or Limits()
    stores = stores or memory_stores(limits)
    networks = Networks(metrics_to)
    return RelayApp(
        limits,
        proxies or Proxies(),
        networks,
        stores,
        turn=turn,
        pages=pages,
        bus=bus or LocalBus(),
        admission=admission or Admission(),
        instance=instance,
    )


class RelayApp:
    """The ASGI app. State that must outlive it is in its stores."""

    def __init__(
        self,
        limits: Limits,
        proxies: Proxies,
        metrics_to: Networks,
        stores: Stores,
        *,
        bus: Bus,
        turn: TurnServers | None,
        pages: SavedPages | None,
        admission: Admission,
        instance: str | None,
    ) -> None:
        self._limits = limits
        self._pages = pages
        self._admission = admission
        self._instance = instance
        self._stores = stores
        self._bus = bus
        # Totals at the latest scrape of the metrics.
        self._people_kept = PeopleTotals(0, 0, 0)
        self._swarms_kept = SwarmTotals(0, 0)
        self._proxies = proxies
        self._metrics_to = metrics_to
        self._metrics = Metrics()
        self._loop_time = LoopTime(limits)
        #: Admits connections; the server serves each with an HttpGuard.
        self.guard = ConnectionGuard(
            limits, proxies, self._metrics, self._loop_time, bans=admission.bans
        )
        self._server = SocketServer(limits)
        passes = Passes()
        self._people = People(
            self._server, stores, limits, self._metrics, passes, bus=bus, turn=turn
        )
        self._tracker = Tracker(stores, limits, self._metrics, self._loop_time, bus=bus)
        self._transit = Transit(stores.people, passes, limits, self._metrics)
        self._stun = StunServer(limits, self._metrics, admission.admits)
        self._show()
        page = Page()
        told = pages.routes if pages is not None else []
        transit = [WebSocketRoute(TRANSIT_PATH, self._transit.serve)] if limits.transit else []
        web = Starlette(
            routes=[
                Route("/healthz", self._healthz),
                Route("/metrics", self._render_metrics),
                Route(REFLECT_PATH, _reflect),
                *(WebSocketRoute(path, self._tracker.serve) for path in TRACKER_PATHS),
                *page.routes,
                *told,
                *transit,
            ],
            lifespan=self._lifespan,
        )
        web.router.redirect_slashes = False  # it would redirect to any `Host` that a stranger sends
        self._app = socketio.ASGIApp(self._server, web, socketio_path=SOCKET_IO_PATH)

    async def _healthz(self, _request: Request) -> Response:
        said = {"service": "filesend-relay", "version": version("filesend-tui")}
        # By it whoever found the relay nearby knows that it is one which they use already.
        named = {"instance": self._instance} if self._instance is not None else {}
        return JSONResponse(said | named)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, socket or the lifespan (ASGI 3)."""
        try:
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            else:
                await self._serve(scope, receive, send)
        except OSError:
            raise  # the client is gone
        except Exception:
            logger.exception("a connection brought a fault to light")
            raise

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer = scope["client"][0] if scope["client"] else ""
        address = self._proxies.client(peer, scope["headers"])
        await self._loop_time.turn(address)
        serving = self._serve_somebody(scope, receive, send, peer, address)
        await self._loop_time.metered(address, serving)

    async def _serve_somebody(
        self, scope: Scope, receive: Receive, send: Send, peer: str, address: str
    ) -> None:
        refusal = self._refusal(scope, peer, address)
        if refusal is not None:
            refusal.headers["connection"] = "close"
            await refusal(scope, receive, send)
            return
        # The port that a proxy connects from is nobody's; of a client it is what `/reflect` tells.
        port = 0 if self._proxies.trusts(peer) else scope["client"][1] if scope["client"] else 0
        scope = {**scope, "client": (address, port)}
        if scope["type"] == "websocket":
            receive, send = self._in_turn(address, receive), self._counted(address, send)
            if scope["path"].startswith(SOCKET_IO_PATH):
                receive = self._server.checked(receive)
                scope = self._pages.admitted(scope) if self._pages is not None else scope
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope, peer: str, address: str) -> Response | None:
        return self._kept_out(scope, peer, address) or self._not_served(scope, peer, address)

    def _kept_out(self, scope: Scope, peer: str, address: str) -> Response | None:
        local = scope["server"][0] if scope["server"] else ""
        # No bodies for sockets: python-engineio's client closes before it has read one.
        if not self.guard.take_request(address):
            return Response(status_code=HTTPStatus.TOO_MANY_REQUESTS)
        if not self._proxies.trusts(peer) and not means_this_machine(local, scope["headers"]):
            return Response(_NOT_THIS_HOST, HTTPStatus.MISDIRECTED_REQUEST, media_type="text/plain")
        if scope["path"] not in _FOR_ANYBODY and not self._admission.admits(address):
            return Response(_NOT_ADMITTED, HTTPStatus.FORBIDDEN, media_type="text/plain")
        return None

    def _not_served(self, scope: Scope, peer: str, address: str) -> Response | None:
        path = scope["path"]
        for_people = path.startswith(SOCKET_IO_PATH)
        if for_people and not _is_websocket_session(scope):
            return Response(_NO_POLLING, HTTPStatus.BAD_REQUEST, media_type="application/json")
        if for_people and not self._server.has_room(address):
            return Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE)
        # An untrusted proxy hides the client's address, and usually connects from loopback.
        hidden = self._proxies.hides(peer, scope["headers"])
        if path == "/metrics" and (hidden or address not in self._metrics_to):
            return Response(status_code=HTTPStatus.NOT_FOUND)
        return None

    def _in_turn(self, address: str, receive: Receive) -> Receive:
        """Return a socket's `receive` that returns each message at its address's turn.

        Until then the socket is not read further, so that its sender waits, too (back-pressure).
        """

        async def receive_in_turn() -> MutableMapping[str, Any]:
            message = await receive()
            if message["type"] == "websocket.receive":
                await self._loop_time.turn(address)
            return message

        return receive_in_turn

    def _counted(self, address: str, send: Send) -> Send:
        """Return a socket's `send` that charges its time; a task of the library calls it."""

        async def counted(message: MutableMapping[str, Any]) -> None:
            await self._loop_time.metered(address, _sending(send, message))

        return counted

    async def answer_stun(self, beside: socket.socket) -> None:
        """Answer STUN at the address of the relay's listener, until the end."""

        def listening(port: int) -> None:
            self._people.stun_port = port

        await self._stun.listen(beside, listening)

    async def drain(self, seconds: float) -> None:
        """Have everybody go on elsewhere; return when all are gone, or after so many seconds.

        Nobody new is let in. What pipes are open may end by itself meanwhile.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                most = seconds / 2
                await asyncio.gather(self._people.move(most), self._tracker.move(most))
                while self._is_used:  # noqa: ASYNC110 - three counts, none of which tells
                    await asyncio.sleep(_LOOK_AGAIN)

    @property
    def _is_used(self) -> bool:
        return bool(self._people.count or self._tracker.count or self._transit.count)

    async def say_closing(self) -> None:
        """Notify everybody connected that the relay closes."""
        await self._people.say_closing()

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        kept = (
            self._hear,
            self.guard.keep,
            self._people.keep,
            self._tracker.keep,
            self._transit.keep,
            self._keep_rates,
            self._admission.keep,
        )
        keepers = [asyncio.create_task(self._keep(each)) for each in kept]
        try:
            # Else whoever comes first is refused. It begins without it all the same.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._bus.opened(), _OPENING)
            yield
        finally:
            await _end(keepers)
            await self._stun.close()
            await self._server.shutdown()
            await self._bus.close()

    async def _hear(self) -> None:
        await self._bus.hear(self._people.let_everybody_go)

    async def _keep(self, keep: Callable[[], Awaitable[None]]) -> None:
        """Run a periodic task, and restart it when it fails: a store may recover."""
        now, told = asyncio.get_running_loop().time, -_SAID_AGAIN
        while True:
            try:
                await keep()
            except StoreAway as away:
                if now() - told >= _SAID_AGAIN:
                    logger.warning("%s; it is tried again", away)
                    told = now()
                await asyncio.sleep(self._limits.sweep_every)
            except Exception:
                logger.exception("keeping the relay's state failed; it goes on")
                await asyncio.sleep(self._limits.sweep_every)

    async def _keep_rates(self) -> None:
        while True:
            await asyncio.sleep(self._limits.sweep_every)
            await self._stores.rates.expire()
            self._stun.forget()

    async def _render_metrics(self, _request: Request) -> Response:
        with suppress(StoreAway):  # else the latest figures
            self._people_kept = await self._stores.people.totals()
            self._swarms_kept = await self._stores.swarms.totals()
        return Response(self._metrics.render(), media_type=self._metrics.content_type)

    def _show(self) -> None:
        gauge = self._metrics.gauge
        gauge("connections", "Connections open.", lambda: self.guard.count)
        gauge("people", "People connected.", lambda: self._people.count)
        gauge("backlog_bytes", "Waiting to be read by people.", lambda: self._server.backlog)
        gauge(
            "nameplates", "Nameplates waiting to be claimed.", lambda: self._people_kept.nameplates
        )
        gauge("places", "Places that somebody waits at.", lambda: self._people_kept.places)
        gauge("pairs", "Pairs of people.", lambda: self._people_kept.rooms)
        gauge("tracker_sockets", "Tracker sockets open.", lambda: self._tracker.count)
        gauge("tracker_swarms", "Swarms.", lambda: self._swarms_kept.swarms)
        gauge("tracker_peers", "Peers in swarms.", lambda: self._swarms_kept.peers)
        gauge("transit_ends", "Ends of pipes open.", lambda: self._transit.count)
        gauge("turns_waiting", "Waiting for their turn.", lambda: self._loop_time.waiting)


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks, and wait until they have ended; a few seconds at most.

    More than once: a library may take a cancellation for the end of a time-out of its own.
    """
    left = set(tasks)
    for _ in range(_ENDING):
        for task in left:
            task.cancel()
        if left:
            _, left = await asyncio.wait(left, timeout=1.0)
    for task in left:
        logger.warning("%r does not end", task)


def _is_websocket_session(scope: Scope) -> bool:
    """Return whether a request is a WebSocket that begins an Engine.IO session of its own."""
    query = scope["query_string"]
    if scope["type"] != "websocket" or len(query) > _MAX_QUERY:
        return False
    asked = parse_qs(query)
    return asked.get(b"transport") == [b"websocket"] and b"sid" not in asked


async def _sending(send: Send, message: MutableMapping[str, Any]) -> None:
    await send(message)


async def _reflect(request: Request) -> Response:
    host, port = request.client or ("", 0)
    # A dual-stack socket has IPv4 addresses in IPv6's form.
    seen = Reflection(address=host.removeprefix("::ffff:"), port=port or None)
    return Response(msgspec.json.encode(seen), media_type="application/json")
