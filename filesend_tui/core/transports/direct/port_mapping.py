"""A port mapping on this network's router: UPnP, by async-upnp-client.

It is requested in the background and nothing waits for it; without a router that supports it there
is no mapping. NAT-PMP and PCP are not supported: no library for them is maintained. A machine that
answers the search is untrusted: only the machine that answered is contacted, at a private address,
and little of its answer is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import random
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from filesend_tui.core.transports.direct.offer import Endpoint, own_addresses

if TYPE_CHECKING:
    from async_upnp_client.client import UpnpService

#: Types of routers, and of their services that map ports (UPnP IGD).
GATEWAYS: Final = (
    "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
)
_SERVICES: Final = (
    "urn:schemas-upnp-org:service:WANIPConnection:",
    "urn:schemas-upnp-org:service:WANPPPConnection:",
)
#: Timeouts in seconds for answers to the search, and for all of it.
SEARCH_TIME: Final = 2
TIMEOUT: Final = 20.0
#: Seconds of a mapping's lease, and until it is renewed, or a router searched for again.
LEASE: Final = 3600
RENEWAL: Final = 1500.0
#: Timeout in seconds for deleting it at the end.
FAREWELL: Final = 2.0
#: Most machines that are asked, bytes read of each answer, and ports tried.
MOST_GATEWAYS: Final = 4
MOST_BYTES: Final = 256 * 1024
TRIES: Final = 3

_CONFLICT: Final = 718
_PERMANENT_ONLY: Final = 725

log = logging.getLogger(__name__)


class PortMapping:
    """A mapping of one TCP port of ours, until `close`.

    Args:
        port: Where this machine listens, on IPv4.
        search: Returns the addresses (URLs) of possible routers.
    """

    def __init__(
        self, port: int, *, search: Callable[[], Awaitable[list[str]]] | None = None
    ) -> None:
        self._port = port
        self._search = search or search_gateways
        self._service: UpnpService | None = None
        self._task: asyncio.Task[None] | None = None
        #: The mapped address outside, once it is known.
        self.endpoint: Endpoint | None = None

    def start(self) -> None:
        """Start to request the mapping; return at once."""
        self._task = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Delete the mapping, if the router answers; never raises."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        endpoint, self.endpoint = self.endpoint, None
        if endpoint is not None and self._service is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(FAREWELL):
                    await self._service.action("DeletePortMapping").async_call(
                        NewRemoteHost="", NewExternalPort=endpoint.port, NewProtocol="TCP"
                    )

    async def _keep(self) -> None:
        while True:
            try:
                async with asyncio.timeout(TIMEOUT):
                    await self._map()
            except Exception:
                # A router may answer anything; a failure costs only the mapping.
                log.debug("no router maps a port", exc_info=True)
                self.endpoint = None
            await asyncio.sleep(RENEWAL)

    async def _map(self) -> None:
        if not any(_is_behind_a_router(address) for address in own_addresses()):
            return  # no mapping is needed
        if self.endpoint is not None and self._service is not None:
            await self._add(self._service, self.endpoint.port)
            return
        for location in (await self._search())[:MOST_GATEWAYS]:
            service = await _service_at(location)
            if service is None:
                continue
            told = await service.action("GetExternalIPAddress").async_call()
            outside = str(told["NewExternalIPAddress"])
            if not _is_public(outside):
                continue  # this router is behind another one
            self._service = service
            self.endpoint = Endpoint(outside, await self._add_somewhere(service))
            log.debug("a router maps a port")
            return

    async def _add_somewhere(self, service: UpnpService) -> int:
        """Map our own port's number, or a random one if it is taken; return it."""
        port = self._port
        for _ in range(TRIES):
            try:
                await self._add(service, port)
            except Exception as error:
                if getattr(error, "error_code", None) != _CONFLICT:
                    raise
                port = random.randint(20_000, 60_000)  # noqa: S311 - a number, not a secret
            else:
                return port
        raise OSError("the router's ports are taken")

    async def _add(self, service: UpnpService, port: int) -> None:
        host = urlsplit(service.device.device_url).hostname or ""
        asked: dict[str, Any] = {
            "NewRemoteHost": "",
            "NewExternalPort": port,
            "NewProtocol": "TCP",
            "NewInternalPort": self._port,
            "NewInternalClient": _address_towards(host),
            "NewEnabled": True,
            "NewPortMappingDescription": "FileSend",
        }
        action = service.action("AddPortMapping")
        try:
            await action.async_call(**asked, NewLeaseDuration=LEASE)
        except Exception as error:
            if getattr(error, "error_code", None) != _PERMANENT_ONLY:
                raise
            await action.async_call(**asked, NewLeaseDuration=0)


async def search_gateways() -> list[str]:
    """Ask this network for routers (SSDP); return the URLs of those that answered."""
    ssdp = await asyncio.to_thread(_load)
    found: dict[str, None] = {}

    async def answered(headers: Any) -> None:
        location = str(headers.get("location", ""))
        # An answer must name its own sender: none may direct us to another machine.
        if urlsplit(location).hostname == headers.get("_host") and is_router_like(location):
            found[location] = None

    await asyncio.gather(
        *(ssdp(answered, timeout=SEARCH_TIME, search_target=kind) for kind in GATEWAYS)
    )
    return list(found)


def is_router_like(location: str) -> bool:
    """Return whether a URL is plain HTTP at a private IPv4 address, as every router's is."""
    try:
        parts = urlsplit(location)
        address = ipaddress.IPv4Address(parts.hostname or "")
        return parts.scheme == "http" and parts.port != 0 and address.is_private
    except ValueError:
        return False


async def _service_at(location: str) -> UpnpService | None:
    """Return the service of a router that maps ports, or None if it has none."""
    from async_upnp_client.client_factory import UpnpFactory

    device = await UpnpFactory(_requester(location), non_strict=True).async_create_device(location)
    for service in device.all_services:
        if service.service_type.startswith(_SERVICES) and service.has_action("AddPortMapping"):
            return service
    return None


def _requester(location: str) -> Any:
    """Return an HTTP requester for the UPnP library: for one machine only, and bounded."""
    import aiohttp
    from async_upnp_client.client import UpnpRequester
    from async_upnp_client.const import HttpRequest, HttpResponse

    host = urlsplit(location).hostname

    class BoundedRequester(UpnpRequester):
        """Sends requests to `host` alone."""

        async def async_http_request(self, http_request: HttpRequest) -> HttpResponse:
            if urlsplit(http_request.url).hostname != host:
                raise OSError("a router points elsewhere")
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
                session.request(
                    http_request.method,
                    http_request.url,
                    headers=dict(http_request.headers or {}),
                    data=http_request.body,
                    allow_redirects=False,
                ) as response,
            ):
                body = await response.content.read(MOST_BYTES + 1)
                while len(body) <= MOST_BYTES and not response.content.at_eof():
                    body += await response.content.read(MOST_BYTES + 1 - len(body))
                if len(body) > MOST_BYTES:
                    raise OSError("a router says too much")
                text = body.decode(errors="replace")
                return HttpResponse(response.status, dict(response.headers), text)

    return BoundedRequester()


def _load() -> Any:
    """Import the library, in a worker thread: it is slow. Return its search function."""
    import async_upnp_client.client_factory  # noqa: F401 - what is needed next
    from async_upnp_client.search import async_search

    # A router's errors do not concern a person who sends a file.
    logging.getLogger("async_upnp_client").setLevel(logging.CRITICAL)
    return async_search


def _is_behind_a_router(address: str) -> bool:
    return ":" not in address and not _is_public(address) and not address.startswith("127.")


def _is_public(address: str) -> bool:
    try:
        return ipaddress.IPv4Address(address).is_global
    except ValueError:
        return False


def _address_towards(host: str) -> str:
    """Return our local address for connections to `host`; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))
        return str(probe.getsockname()[0])
