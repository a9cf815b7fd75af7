"""What of all that a transfer between two networks may need works here; `filesend doctor`.

Each probe looks at one thing and returns a Finding, whatever it meets. What is found is not
remembered, and nothing is changed. How it is printed is headless/doctor.py's.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import shutil
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from filesend_tui.core.config import ClientConfig, IceServer, RoadChoice
from filesend_tui.core.errors import ChannelFailed, FileSendError
from filesend_tui.core.nearby.relays import NearbyRelays
from filesend_tui.core.relay_client.address import RelayAddress
from filesend_tui.core.relay_client.connection import RelayConnection
from filesend_tui.core.relay_status import version_of
from filesend_tui.core.tracker_place.connection import TrackerPlace
from filesend_tui.core.transports.direct.offer import own_addresses
from filesend_tui.core.transports.direct.port_mapping import PortMapping
from filesend_tui.core.transports.direct.ports import listen
from filesend_tui.core.transports.direct.reflection import reflected
from filesend_tui.core.transports.webrtc.turn import Server, allocate, server_of
from filesend_tui.core.util.figures import address_text, size_text
from filesend_tui.core.util.hosts import is_address
from filesend_tui.core.util.proxies import Proxies, Proxy
from filesend_tui.core.util.text import clean
from filesend_tui.core.util.unreachable import why_unreached
from filesend_tui.core.util.websocket_client import way_to, websocket_client
from relay.protocol.words import AskRoads, Roads

#: Timeout in seconds of one probe.
TIMEOUT: Final = 8.0
#: Free space in bytes below which it is told of, and difference of clocks in seconds.
LITTLE: Final = 1_000_000_000
SKEW: Final = 120.0
#: Seconds in which relays that are nearby are found, and in which a tracker answers.
NEARBY: Final = 1.0
TRACKER: Final = 6.0

_START: Final = "Start one that both machines reach, and name it: filesend doctor --relay ADDRESS."
_WITHOUT: Final = "People are met elsewhere; `trackers` in the settings names others, or none."


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a probe found.

    name: stable, of what was looked at. ok: None where it is neither good nor bad. message: what is
    there. hint: what to do; empty where nothing is.
    """

    name: str
    ok: bool | None
    message: str
    hint: str = ""


async def findings(relay: RelayAddress, config: ClientConfig) -> AsyncIterator[Finding]:
    """Look at everything, and return each finding once it is there.

    Args:
        relay: That people are to meet at.
        config: Where files go, the port to listen on, STUN and TURN servers, proxies.
    """
    yield await _bounded("folder", asyncio.to_thread(folder, config.output))
    if not config.proxies.is_set:  # a look at the network would go around it
        yield await nearby()
    proxy = config.proxies.of(relay.url)
    if proxy is not None:
        yield by_proxy(proxy, config.road)
    if proxy is None or not proxy.looks_up:
        yield await _bounded("dns", dns(relay))
    reached = await _bounded("relay", relay_answers(relay, proxy))
    yield reached
    if not reached.ok:
        return
    yield await _bounded("clock", clock(relay, proxy))
    roads = await _roads(relay, config.proxies)
    if isinstance(roads, Finding):
        yield roads
        return
    yield Finding(name="people", ok=True, message="The relay introduces people.")
    yield await _bounded("tracker", socket_opens("tracker", relay.tracker, proxy))
    if roads.pass_ is None:
        yield Finding(
            name="transit",
            ok=False,
            message="The relay carries no bytes.",
            hint="Where two routers cannot be opened, another relay or a TURN server is needed.",
        )
    else:
        yield await _bounded("transit", socket_opens("transit", relay.transit, proxy))
    if proxy is not None and config.road in (RoadChoice.AUTO, RoadChoice.RELAYED):
        return  # what follows goes around it
    servers = [relay.stun(roads.stun_port)] if roads.stun_port else []
    servers += [each.urls for each in config.ice_servers if each.urls.startswith("stun:")]
    yield await _bounded("udp", udp(servers))
    if own := [each for each in config.ice_servers if server_of(each) is not None]:
        yield await _bounded("turn", turn(own))
    yield await _bounded("tcp", tcp(relay.reflect, config.direct_port))
    yield ipv6()
    yield await _bounded("upnp", upnp(config.direct_port, wanted=config.port_mapping))


async def trackers(urls: Sequence[str], proxies: Proxies) -> AsyncIterator[Finding]:
    """Ask the trackers at which people meet, all at once; return a finding for each, in order."""
    asking = [asyncio.create_task(_tracker(url, proxies)) for url in urls]
    try:
        for each in asking:
            yield await each
    finally:
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


async def _tracker(url: str, proxies: Proxies) -> Finding:
    """Connect to a tracker as a meeting place, and leave it."""
    shown = clean(urlsplit(url).hostname or url, 100)
    place = TrackerPlace(lambda _: None, lambda _: None, proxies)
    try:
        async with asyncio.timeout(TRACKER):
            await place.connect(url)
    except TimeoutError:
        said = f"No tracker answers at {shown} in {TRACKER:.0f} seconds."
    except FileSendError as error:
        said = error.message
    else:
        said = f"People can meet through {shown}, which answers."
        return Finding(name="trackers", ok=True, message=said)
    finally:
        await place.close()
    return Finding(name="trackers", ok=None, message=said, hint=_WITHOUT)


async def _bounded(name: str, probe: Any) -> Finding:
    try:
        async with asyncio.timeout(TIMEOUT):
            found: Finding = await probe
            return found
    except TimeoutError:
        return Finding(name=name, ok=False, message=f"No answer in {TIMEOUT:.0f} seconds.")
    except Exception as error:
        why = why_unreached(error)
        said = clean(why.reason if why else str(error) or type(error).__name__, 200)
        return Finding(
            name=name, ok=False, message=f"It failed: {said}.", hint=why.hint if why else ""
        )


def folder(path: Path) -> Finding:
    """Look at the folder for received files, and the space there."""
    there = next(each for each in (path, *path.parents) if each.exists())
    if not os.access(there, os.W_OK):
        return Finding(
            name="folder",
            ok=False,
            message=f"{clean(str(path), 200)} may not be written to.",
            hint="Name another folder with -o, or in the settings.",
        )
    free = shutil.disk_usage(there).free
    little = free < LITTLE
    return Finding(
        name="folder",
        ok=None if little else True,
        message=f"{size_text(free)} are free for {clean(str(path), 200)}.",
        hint="Larger files do not fit." if little else "",
    )


async def nearby() -> Finding:
    """Look for relays of others on the networks of this machine."""
    relays = NearbyRelays(lambda _: None, lambda _: None)
    await relays.start()
    try:
        await relays.ready()
        if not relays.why_none:
            await asyncio.sleep(NEARBY)
        found, why = len(relays.rows), relays.why_none
    finally:
        await relays.close()
    if why:
        return Finding(
            name="nearby",
            ok=None,
            message=f"No relay can be found on this network: {why}.",
            hint="Without mDNS a relay is named: --relay ADDRESS.",
        )
    if not found:
        return Finding(name="nearby", ok=None, message="No relay announces itself on this network.")
    one = found == 1
    said = f"{'A relay announces itself' if one else f'{found} relays announce themselves'}"
    return Finding(name="nearby", ok=True, message=f"{said} on this network.")


def by_proxy(proxy: Proxy, road: RoadChoice) -> Finding:
    """Say which proxy the relay is reached by, and what that means."""
    said = f"The relay is reached by the proxy at {proxy.name} ({proxy.scheme})."
    if road is RoadChoice.AUTO:
        hint = (
            "Files go through the relay alone: --road direct or webrtc would go around the proxy."
        )
        return Finding(name="proxy", ok=None, message=said, hint=hint)
    return Finding(name="proxy", ok=None, message=f"{said} The road is {road}, as was chosen.")


async def dns(relay: RelayAddress) -> Finding:
    """Look the relay's name up."""
    parts = urlsplit(relay.url)
    host = parts.hostname or ""
    if is_address(host):
        return Finding(name="dns", ok=True, message=f"{host} needs no lookup.")
    try:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, parts.port or 80, type=socket.SOCK_STREAM)
    except OSError:
        return Finding(
            name="dns",
            ok=False,
            message=f"The name {clean(host, 100)} is not known.",
            hint="Check the spelling, and this machine's network.",
        )
    addresses = ", ".join(sorted({str(each[4][0]) for each in found}))
    return Finding(name="dns", ok=True, message=f"{clean(host, 100)} is {addresses}.")


async def relay_answers(relay: RelayAddress, proxy: Proxy | None = None) -> Finding:
    """Ask the relay whether it is one."""
    began = time.monotonic()
    try:
        async with _got(f"{relay.url}/healthz", proxy) as answer:
            text = await answer.content.read(1000)
    except OSError as error:
        why = why_unreached(error)
        said = f"No relay answers at {relay.url}{f': {why.reason}' if why else ''}."
        return Finding(name="relay", ok=False, message=said, hint=(why and why.hint) or _START)
    took = time.monotonic() - began
    version = version_of(text)
    if version is None:
        return Finding(
            name="relay", ok=False, message=f"What answers at {relay.url} is no relay.", hint=_START
        )
    said = f"The relay at {relay.url} answers in {took * 1000:.0f} ms; its version is {version}."
    return Finding(name="relay", ok=True, message=said)


async def clock(relay: RelayAddress, proxy: Proxy | None = None) -> Finding:
    """Compare this machine's clock with the relay's."""
    async with _got(f"{relay.url}/healthz", proxy) as answer:
        date = answer.headers.get("Date", "")
    try:
        difference = time.time() - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return Finding(name="clock", ok=None, message="The relay does not tell its time.")
    off = abs(difference) > SKEW
    return Finding(
        name="clock",
        ok=None if off else True,
        message=f"This machine's clock and the relay's differ by {abs(difference):.0f} s.",
        hint="Set the clock: certificates of TLS depend on it." if off else "",
    )


async def _roads(relay: RelayAddress, proxies: Proxies) -> Roads | Finding:
    """Connect as a person, and ask what the relay has for those who cannot reach each other."""
    connection = RelayConnection(lambda _word: None, lambda _state: None, proxies)
    try:
        await connection.connect(relay.url)
        return await connection.call(AskRoads(), Roads)
    except FileSendError as error:
        return Finding(name="people", ok=False, message=str(error), hint=error.hint)
    finally:
        await connection.close()


async def socket_opens(name: str, url: str, proxy: Proxy | None = None) -> Finding:
    """Open a WebSocket of the relay."""
    connect_to, _ = await asyncio.to_thread(websocket_client)
    way = await way_to(url, proxy)
    async with connect_to(url, **way, open_timeout=TIMEOUT, close_timeout=1):
        pass
    said = {
        "tracker": "Peers of a swarm find each other.",
        "transit": "The relay carries bytes where nothing else gets through.",
    }
    return Finding(name=name, ok=True, message=said[name])


async def udp(servers: list[str]) -> Finding:
    """Ask STUN servers, from one port, where it is seen."""
    if not servers:
        return Finding(name="udp", ok=None, message="No STUN server is known.")
    stun: Any = await asyncio.to_thread(import_module, "aioice.stun")
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind(("", 0))
        seen = [await _stun(stun, loop, sock, url) for url in servers]
    told = [each for each in seen if each is not None]
    if not told:
        return Finding(
            name="udp",
            ok=None,
            message="No STUN server answers: UDP may be blocked.",
            hint="WebRTC will not get through; TCP and the relay do without it.",
        )
    if len(set(told)) > 1:
        return Finding(
            name="udp",
            ok=None,
            message="The router gives a new UDP port to everyone (symmetric).",
            hint="WebRTC gets through to machines without such a router alone.",
        )
    kind = "the same for all that were asked" if len(told) > 1 else "as one server sees it"
    where = address_text(*told[0])
    return Finding(name="udp", ok=True, message=f"This machine is {where} by UDP, {kind}.")


async def _stun(
    stun: Any, loop: asyncio.AbstractEventLoop, sock: socket.socket, url: str
) -> tuple[str, int] | None:
    """Return where a server sees a socket; None if it does not answer in time."""
    host, _, port = url.removeprefix("stun:").partition("?")[0].rpartition(":")
    asked = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    try:
        (*_, address), *_ = await loop.getaddrinfo(
            host.strip("[]"), int(port), family=socket.AF_INET, type=socket.SOCK_DGRAM
        )
        for _ in range(3):
            await loop.sock_sendto(sock, bytes(asked), address)
            try:
                async with asyncio.timeout(0.5):
                    while True:
                        data, _source = await loop.sock_recvfrom(sock, 2048)
                        answer = stun.parse_message(data)
                        if answer.transaction_id == asked.transaction_id:
                            seen: tuple[str, int] = answer.attributes["XOR-MAPPED-ADDRESS"]
                            return seen
            except TimeoutError:
                continue
    except (OSError, ValueError, KeyError):
        return None
    return None


async def turn(servers: list[IceServer]) -> Finding:
    """Ask TURN servers of the settings for an allocation each, and give it back."""
    asked = [each for each in map(server_of, servers) if each is not None]
    failures = await asyncio.gather(*map(_allocated, asked))
    told = [
        f"{each.ice.urls} by {each.at.transport.upper()} works"
        if failure is None
        else failure.message.rstrip(".")
        for each, failure in zip(asked, failures, strict=True)
    ]
    failed = [failure for failure in failures if failure is not None]
    # The relay tells its own to people who are paired, which nobody is here.
    said = f"{'; '.join(told)}. The relay's own are told to paired people, and were not tried."
    if len(failed) == len(asked):
        return Finding(name="turn", ok=False, message=said, hint=failed[0].hint)
    return Finding(
        name="turn",
        ok=None if failed else True,
        message=said,
        hint="What works is used." if failed else "",
    )


async def _allocated(server: Server) -> ChannelFailed | None:
    """Return how a TURN server failed, if it did."""
    try:
        await allocate(server)
    except ChannelFailed as failure:
        return failure
    return None


async def tcp(url: str, port: int) -> Finding:
    """Ask the relay where connections from a listening port come from."""
    listeners = listen(port)
    try:
        here = next((each for each in listeners if each.family == socket.AF_INET), None)
        if here is None:
            return Finding(
                name="tcp",
                ok=False,
                message="This machine lets nobody connect to it directly.",
                hint="Choose another direct_port in the settings.",
            )
        own = here.getsockname()[1]
        seen = await reflected(url, socket.AF_INET, own)
    finally:
        for each in listeners:
            each.close()
    if seen is None:
        said = "The relay is on this machine, or does not tell where connections come from."
        return Finding(name="tcp", ok=None, message=said)
    where = address_text(*seen)
    if seen.host in own_addresses():
        said = f"This machine is {where} for the relay: there is no router in between."
        return Finding(name="tcp", ok=True, message=said)
    if seen.port == own:
        said = f"This machine is {where} for the relay: its router keeps ports, and can be opened."
        return Finding(name="tcp", ok=True, message=said)
    return Finding(
        name="tcp",
        ok=None,
        message=f"This machine is {where} for the relay: the router changes the port.",
        hint="Where it does so for everyone, the relay carries what goes to routers like it; "
        "a forwarded port, and direct_port in the settings, would make that direct.",
    )


def ipv6() -> Finding:
    """Look for an address of IPv6 that others can reach."""
    found = [each for each in own_addresses() if ":" in each]
    public = [each for each in found if ipaddress.ip_address(each).is_global]
    if public:
        return Finding(name="ipv6", ok=True, message=f"There is IPv6: {public[0]}.")
    return Finding(name="ipv6", ok=None, message="There is no IPv6 to the internet here.")


async def upnp(port: int, *, wanted: bool) -> Finding:
    """Ask the router for a way in."""
    if not wanted:
        return Finding(name="upnp", ok=None, message="The router is not asked for a way in.")
    mapping = PortMapping(port or 4040)
    mapping.start()
    try:
        async with asyncio.timeout(TIMEOUT - 3):
            while mapping.endpoint is None:  # noqa: ASYNC110 - it is told to nobody
                await asyncio.sleep(0.1)
        said = f"The router lets others in at {address_text(*mapping.endpoint)} (UPnP)."
        return Finding(name="upnp", ok=True, message=said)
    except TimeoutError:
        return Finding(name="upnp", ok=None, message="No router lets others in by UPnP.")
    finally:
        await mapping.close()


@asynccontextmanager
async def _got(url: str, proxy: Proxy | None) -> AsyncIterator[Any]:
    """GET a URL; the answer is open for as long as the block runs."""
    http: Any = await asyncio.to_thread(import_module, "filesend_tui.core.util.http_client")
    async with (
        http.http_session(proxy) as session,
        # A redirect could lead to a service that listens on loopback only.
        session.get(url, allow_redirects=False) as answer,
    ):
        yield answer
