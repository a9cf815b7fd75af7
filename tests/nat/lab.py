"""A lab of network namespaces: two homes behind routers, and an internet with a relay.

    internet 10.99.0.0/24, fd99::/64    the relay .1:443; people without a router .31, .32;
                                        the proxy of those who have nothing else .5:3128
    home 1   192.168.1.10, fd00:1::10   its router .1, outside 10.99.0.11 (CGNAT: behind .21)
    home 2   192.168.2.10, fd00:2::10   its router .1, outside 10.99.0.12 (CGNAT: behind .22)

Everything of it ends with the lab, and nothing leads out of it. Linux, root, iproute2, nftables.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from tests.chaos import network
from tests.chaos.network import Host
from tests.e2e.processes import Event, Filesend, World
from tests.nat.routers import Kind, rules

RELAY_V4: Final = "http://10.99.0.1:443"
RELAY_V6: Final = "http://[fd99::1]:443"
#: So that a file of a test takes longer than whatever it waits for.
SLOWLY: Final = "100K"
_PROXY: Final = 5
_LOGIN: Final = "ann:s3cret"


def why_none() -> str | None:
    """Return why there can be no lab here; None if there can."""
    if why := network.why_none():
        return why
    if shutil.which("nft") is None:
        return "the NAT lab needs the command nft"
    return None


class Outcome(NamedTuple):
    """What became of a transfer.

    road: the last one. roads: all, in order. first_byte: seconds from the receiver's yes, None: no
    byte came. rate: bytes a second from then on. same: whether the file is the one that was sent.
    why: what the receiver was told last of why it took no better road.
    """

    road: str
    roads: tuple[str, ...]
    first_byte: float | None
    rate: float
    same: bool
    told: tuple[str, ...]
    why: str


def goes_by(road: str) -> Callable[[Sequence[Event]], bool]:
    """Return what tells whether a receiver is connected by this road."""
    return lambda events: any(
        each["event"] == "peerConnected" and each["road"] == road for each in events
    )


def says(why: str) -> Callable[[Sequence[Event]], bool]:
    """Return what tells whether a receiver has said this of why it goes by no better road."""
    return lambda events: any(why in each.get("why", "") for each in events)


def knows_why(events: Sequence[Event]) -> bool:
    """Whether a receiver has said what became of every road that was tried."""
    tried = next((each["tried"] for each in reversed(events) if "tried" in each), None)
    return tried is not None and all(each["outcome"] != "goingOn" for each in tried)


class Lab:
    """Two homes and an internet; a context manager. one, other: where the two people are.

    Args:
        folder: For files and states.
        kinds: Of the two homes.
    """

    def __init__(self, folder: Path, one: Kind, other: Kind) -> None:
        self.folder = folder
        self.kinds = (one, other)
        self.world = World(folder)
        self.source = folder / "film.bin"
        self._stack = ExitStack()
        self._cables: dict[int, tuple[Host, str]] = {}
        self._routers: list[Host] = []
        self.proxy: Filesend | None = None
        #: How the proxy is named, for those who have nothing else.
        self.proxy_url = f"http://{_LOGIN}@10.99.0.{_PROXY}:3128"

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        for process in self.world.processes:
            process.kill()
        self._stack.close()

    # -- what happens in it

    def start_relay(self, *options: str) -> Filesend:
        """Start the relay, at its addresses of IPv4 and IPv6."""
        relay = self.world.start(
            *("relay", "--host", "::", "--port", "443", *options), inside=self.internet.inside
        )
        relay.wait_for_line("ready at")
        return relay

    def cut(self, number: int) -> None:
        """Cut the cable of a home's machine, which has its address all the same."""
        upstream, port = self._cables[self.homes[number].pid]
        upstream.run("ip", "link", "set", port, "down")

    def mend(self, number: int) -> None:
        """Mend it."""
        upstream, port = self._cables[self.homes[number].pid]
        upstream.run("ip", "link", "set", port, "up")

    def renumber(self, number: int) -> None:
        """Give a home's router another outside address, as providers do at night."""
        router = self._routers[number]
        router.run("ip", "address", "flush", "dev", "wan")
        router.run("ip", "address", "add", f"10.99.0.{50 + number}/24", "dev", "wan")
        router.run("ip", "route", "add", "default", "via", "10.99.0.1")

    def around(self, number: int) -> int:
        """Return how many packets a home's router had from it and let nowhere."""
        told = self._routers[number].run("nft", "list", "counter", "inet", "home", "around")
        return int(told.split("packets")[1].split()[0])

    def forward(self, number: int, port: int) -> None:
        """Have a home's router forward a TCP port to the machine behind it."""
        machine = f"192.168.{number + 1}.10"
        _nft(
            self._routers[number],
            f"""
            add rule inet home before iifname wan tcp dport {port} dnat ip to {machine}
            insert rule inet home through iifname wan ct status dnat accept
            """,
        )

    def server(self, number: int) -> Host:
        """Return another machine of the internet, at 10.99.0.N and fd99::N."""
        host = self._host()
        addresses = (f"10.99.0.{number}/24", f"fd99::{number}/64")
        self._plug(host, "eth", self.internet, "net", *addresses)
        host.run("ip", "route", "add", "default", "via", "10.99.0.1")
        host.run("ip", "-6", "route", "add", "default", "via", "fd99::1")
        return host

    def send(
        self,
        size: int,
        *options: str,
        ice: str | None = "none",
        slow_until: Callable[[Sequence[Event]], bool] | None = None,
    ) -> Outcome:
        """Send a file of so many bytes from the first home to the second; return how it went.

        ice: servers in the settings of both; None: what counts where nobody chose. slow_until: it
        goes slowly until the receiver has said this, however busy the machine is.
        """
        if slow_until is not None:
            options = (*options, "--upload-limit", SLOWLY)
        return self.end(*self.begin(size, *options, ice=ice), slow_until)

    def begin(
        self, size: int, *options: str, ice: str | None = "none"
    ) -> tuple[Filesend, Filesend]:
        """Begin to send; return the sender and the receiver."""
        self.source.write_bytes(os.urandom(size))
        sender = self._person(0, ice, "send", self.source, "--json", *options)
        code = sender.wait_for("code")["code"]
        output = ("-o", self.folder / "out")
        return sender, self._person(1, ice, "receive", code, "--yes", "--json", *output, *options)

    def end(
        self,
        sender: Filesend,
        receiver: Filesend,
        slow_until: Callable[[Sequence[Event]], bool] | None = None,
    ) -> Outcome:
        """Wait for both to end; return how it went."""
        size = self.source.stat().st_size
        began = first = done = None
        while receiver.process.poll() is None:
            if slow_until is not None and slow_until(tuple(receiver.events)):
                slow_until = None
                self.world.environment["FILESEND_STATE"] = str(self.folder / "state 0")
                self.world.start("limit", "--upload", "none")
            names = {event["event"] for event in tuple(receiver.events)}
            if done is None and "downloadComplete" in names:
                done = time.monotonic()
            if began is None and "paired" in names:
                began = time.monotonic()
            moved = any(each.get("downloadedBytes") for each in tuple(receiver.events))
            if first is None and began is not None and (moved or "downloadComplete" in names):
                first = time.monotonic()
            time.sleep(0.01)
        done = done or time.monotonic()
        receiver.end()
        sender.end()
        arrived = self.folder / "out" / self.source.name
        roads = [e["road"] for e in receiver.events if e["event"] == "peerConnected"]
        return Outcome(
            road=roads[-1] if roads else "",
            roads=tuple(roads),
            first_byte=first - began if first is not None and began is not None else None,
            rate=size / max(0.02, done - first) if first is not None else 0.0,
            same=arrived.exists() and _digest(arrived) == _digest(self.source),
            why=next(
                (e["why"] for e in reversed(tuple(receiver.events)) if "why" in e),
                "",
            ),
            told=tuple(
                f"{e['message']} {e.get('hint', '')}".strip()
                for e in (*sender.events, *receiver.events)
                if e["event"] == "error"
            ),
        )

    def _person(self, number: int, ice: str | None, *arguments: str | Path) -> Filesend:
        v6 = self.kinds[number] is Kind.V6
        self.world.environment.pop("FILESEND_ICE_SERVERS", None)
        if ice is not None:
            self.world.environment["FILESEND_ICE_SERVERS"] = ice
        self.world.environment |= {
            "FILESEND_RELAY": RELAY_V6 if v6 else RELAY_V4,
            "FILESEND_STATE": str(self.folder / f"state {number}"),
            "FILESEND_NAME": ("Ann", "Bob")[number],
            "FILESEND_PROXY": self.proxy_url if self.kinds[number] is Kind.PROXY else "",
        }
        return self.world.start(*arguments, inside=self.homes[number].inside)

    # -- what it is made of

    def _build(self) -> None:
        self.internet = self._host(forwards=True)
        run = self.internet.run
        run("ip", "link", "add", "net", "type", "bridge")
        run("ip", "link", "set", "net", "up")
        run("ip", "address", "add", "10.99.0.1/24", "dev", "net")
        run("ip", "address", "add", "fd99::1/64", "dev", "net", "nodad")
        # What is for nobody is dropped in silence, as out there.
        run("ip", "route", "add", "blackhole", "default")
        run("ip", "-6", "route", "add", "blackhole", "default")
        if Kind.LAN in self.kinds:
            assert self.kinds[0] is self.kinds[1], "the same LAN is for both"
            router = self._router(1, Kind.CONE)
            self.homes = tuple(self._behind(router, 1, 10 + number) for number in (0, 1))
        else:
            self.homes = tuple(self._home(n, kind) for n, kind in enumerate(self.kinds, 1))
        if Kind.PROXY in self.kinds:
            arguments = ("10.99.0.5", "3128", _LOGIN, "443")
            self.proxy = Filesend(
                arguments,
                self.world.environment,
                "tests.recording_proxy",
                inside=self.server(_PROXY).inside,
            )
            self.world.processes.append(self.proxy)
            self.proxy.wait_for_line("a proxy at")

    def _home(self, number: int, kind: Kind) -> Host:
        if kind is Kind.PUBLIC:
            host = self._host()
            self._plug(host, "eth", self.internet, "net", f"10.99.0.{30 + number}/24")
            host.run("ip", "route", "add", "default", "via", "10.99.0.1")
            return host
        router = self._router(number, kind)
        return self._behind(router, number, 10, v4=kind.has_v4, v6=kind.has_v6)

    def _router(self, number: int, kind: Kind) -> Host:
        router = self._host(forwards=True)
        router.run("ip", "link", "add", "lan", "type", "bridge")
        router.run("ip", "link", "set", "lan", "up")
        upstream, bridge, outside, gate = (
            self.internet,
            "net",
            f"10.99.0.{10 + number}",
            "10.99.0.1",
        )
        if kind is Kind.CGNAT:
            upstream = self._host(forwards=True)
            upstream.run("ip", "link", "add", "lan", "type", "bridge")
            upstream.run("ip", "link", "set", "lan", "up")
            upstream.run("ip", "address", "add", f"100.64.{number}.1/24", "dev", "lan")
            self._plug(upstream, "wan", self.internet, "net", f"10.99.0.{20 + number}/24")
            upstream.run("ip", "route", "add", "default", "via", gate)
            _nft(upstream, rules(Kind.CONE, "", ""))
            bridge, outside, gate = "lan", f"100.64.{number}.2", f"100.64.{number}.1"
        self._plug(router, "wan", upstream, bridge)
        if kind.has_v4:
            router.run("ip", "address", "add", f"192.168.{number}.1/24", "dev", "lan")
            router.run("ip", "address", "add", f"{outside}/24", "dev", "wan")
            router.run("ip", "route", "add", "default", "via", gate)
        if kind.has_v6:
            router.run("ip", "address", "add", f"fd00:{number}::1/64", "dev", "lan", "nodad")
            router.run("ip", "address", "add", f"fd99::1{number}/64", "dev", "wan", "nodad")
            router.run("ip", "-6", "route", "add", "default", "via", "fd99::1")
            route = ("ip", "-6", "route", "add", f"fd00:{number}::/64", "via", f"fd99::1{number}")
            self.internet.run(*route)
        _nft(router, rules(kind, f"192.168.{number}.10", outside))
        self._routers.append(router)
        return router

    def _behind(
        self, router: Host, number: int, last: int, *, v4: bool = True, v6: bool = False
    ) -> Host:
        host = self._host()
        self._plug(host, "eth", router, "lan")
        if v4:
            host.run("ip", "address", "add", f"192.168.{number}.{last}/24", "dev", "eth")
            host.run("ip", "route", "add", "default", "via", f"192.168.{number}.1")
        if v6:
            host.run("ip", "address", "add", f"fd00:{number}::{last}/64", "dev", "eth", "nodad")
            host.run("ip", "-6", "route", "add", "default", "via", f"fd00:{number}::1")
        return host

    def _host(self, *, forwards: bool = False) -> Host:
        host = self._stack.enter_context(Host())
        settings = ["net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0"]
        if forwards:
            settings += ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]
        host.run("sysctl", "-qw", *settings)
        return host

    def _plug(self, host: Host, name: str, upstream: Host, bridge: str, *addresses: str) -> None:
        """Plug a cable of a host into a bridge of another."""
        port = f"port{len(self._cables)}"
        self._cables[host.pid] = upstream, port
        subprocess.run(
            [
                *("ip", "link", "add", name, "netns", str(host.pid), "type", "veth"),
                *("peer", "name", port, "netns", str(upstream.pid)),
            ],
            check=True,
        )
        upstream.run("ip", "link", "set", port, "master", bridge, "up")
        host.run("ip", "link", "set", name, "up")
        for address in addresses:
            host.run("ip", "address", "add", address, "dev", name)


def _nft(host: Host, text: str) -> None:
    subprocess.run([*host.inside, "nft", "-f", "-"], input=text, text=True, check=True)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
