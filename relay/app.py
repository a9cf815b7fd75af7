"""The relay put together: one ASGI app for people, the tracker, health and figures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version
from typing import Any
from urllib.parse import parse_qs

import socketio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from relay.addresses import Proxies
from relay.door import Door
from relay.limits import Limits
from relay.metrics import Metrics
from relay.people import People
from relay.rooms import Rooms
from relay.socket_server import Receive, SocketServer, sane_frames
from relay.swarms import Swarms
from relay.tracker import Tracker

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

TRACKER_PATHS = ("/", "/announce", "/tracker")
SOCKET_IO_PATH = "/socket.io"


def create_app(limits: Limits | None = None, proxies: Proxies | None = None) -> RelayApp:
    """Return a relay with state of its own, ready to be served."""
    return RelayApp(limits or Limits(), proxies or Proxies())


class RelayApp:
    """The ASGI app. Rooms and swarms live and die with it."""

    def __init__(self, limits: Limits, proxies: Proxies) -> None:
        self._proxies = proxies
        self._metrics = Metrics()
        #: Where connections come in; the server serves each with its `protocol`.
        self.door = Door(limits, proxies, self._metrics)
        self._server = SocketServer(limits)
        rooms = Rooms(limits)
        swarms = Swarms(limits)
        self._people = People(self._server, rooms, limits, self._metrics)
        self._tracker = Tracker(swarms, limits, self._metrics)
        self._show(rooms, swarms)
        web = Starlette(
            routes=[
                Route("/healthz", _healthz),
                Route("/metrics", self._render_metrics),
                *(WebSocketRoute(path, self._tracker.serve) for path in TRACKER_PATHS),
            ],
            lifespan=self._lifespan,
        )
        web.router.redirect_slashes = False  # to whatever `Host` a stranger names
        self._app = socketio.ASGIApp(self._server, web, socketio_path=SOCKET_IO_PATH)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, socket or the lifespan (ASGI 3)."""
        if scope["type"] != "lifespan":
            peer = scope["client"][0] if scope["client"] else ""
            address = self._proxies.client(peer, scope["headers"])
            scope = {**scope, "client": (address, 0)}
            for_people = scope["path"].startswith(SOCKET_IO_PATH)
            status = self._refusal(address, new_person=for_people and _is_new(scope))
            if status is not None:
                # Without a body: python-engineio's client closes before it has read one.
                await Response(status_code=status)(scope, receive, send)
                return
            if for_people and scope["type"] == "websocket":
                receive = sane_frames(receive)
        await self._app(scope, receive, send)

    def _refusal(self, address: str, *, new_person: bool) -> HTTPStatus | None:
        if not self.door.take_request(address):
            return HTTPStatus.TOO_MANY_REQUESTS
        if new_person and not self._server.has_room(address):
            return HTTPStatus.SERVICE_UNAVAILABLE
        return None

    async def say_closing(self) -> None:
        """Tell everybody connected that the relay closes."""
        await self._people.say_closing()

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        kept = (self.door, self._people, self._tracker)
        keepers = [asyncio.create_task(each.keep()) for each in kept]
        try:
            yield
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
            await self._server.shutdown()

    async def _render_metrics(self, _request: Request) -> Response:
        return Response(self._metrics.render(), media_type=self._metrics.content_type)

    def _show(self, rooms: Rooms, swarms: Swarms) -> None:
        gauge = self._metrics.gauge
        gauge("connections", "Connections open.", lambda: self.door.count)
        gauge("people", "People connected.", lambda: self._people.count)
        gauge("nameplates", "Nameplates waiting to be claimed.", lambda: rooms.nameplates)
        gauge("pairs", "Pairs of people.", lambda: rooms.pairs)
        gauge("tracker_sockets", "Tracker sockets open.", lambda: self._tracker.count)
        gauge("tracker_swarms", "Swarms.", lambda: swarms.swarm_count)
        gauge("tracker_peers", "Peers in swarms.", lambda: swarms.peer_count)


def _is_new(scope: Scope) -> bool:
    return b"sid" not in parse_qs(scope["query_string"])


async def _healthz(_request: Request) -> Response:
    return JSONResponse({"service": "filesend-relay", "version": version("filesend-tui")})
