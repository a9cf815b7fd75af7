"""A few hosts on one switch, each with a network namespace of its own (Linux, root)."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.chaos.network import Host
from tests.e2e.processes import Event, Filesend, World


class Lan:
    """One switch and its hosts; a context manager. Its processes end with it.

    Args:
        folder: For files and states.
    """

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self._stack = ExitStack()
        self._count = 0

    def __enter__(self) -> Self:
        self._switch = self._stack.enter_context(Host())
        self._switch.run("ip", "link", "add", "lan", "type", "bridge", "mcast_snooping", "0")
        self._switch.run("ip", "link", "set", "lan", "up")
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

    def host(self, *addresses: str) -> Host:
        """Plug a host with these addresses, each with its prefix, into the switch."""
        host = self._stack.enter_context(Host())
        host.run("sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0")
        host.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
        self.plug(host, "eth", *addresses)
        return host

    def plug(self, host: Host, name: str, *addresses: str) -> None:
        """Plug one more cable of a host into the switch."""
        port = f"port{self._count}"
        self._count += 1
        subprocess.run(
            [
                *("ip", "link", "add", name, "netns", str(host.pid), "type", "veth"),
                *("peer", "name", port, "netns", str(self._switch.pid)),
            ],
            check=True,
        )
        self._switch.run("ip", "link", "set", port, "master", "lan", "up")
        host.run("ip", "link", "set", name, "up")
        for address in addresses:
            host.run("ip", "address", "add", address, "dev", name)

    def relay(self, host: Host, *options: str) -> Filesend:
        """Start a relay there, which can be connected to when this returns."""
        relay = self._start(host, "relay", "--port", "8421", *options)
        relay.wait_for_line("ready at")
        return relay

    def looker(self, host: Host, *options: str) -> Filesend:
        """Start somebody there who looks for relays: tests/nearby/looker.py."""
        looker = self._start(host, "tests.nearby.looker", *options)
        looker.wait_for("ready")
        return looker

    def rogue(self, host: Host, *options: str) -> None:
        """Have somebody there announce what options say, to the end: tests/nearby/rogue.py."""
        rogue = self._start(host, "tests.nearby.rogue", *options)
        assert rogue.end() == 0, rogue.report()

    def _start(self, host: Host, module: str, *arguments: str) -> Filesend:
        process = Filesend(
            arguments,
            self.world.environment,
            module,
            inside=host.inside,
            stdin=subprocess.PIPE,
        )
        self.world.processes.append(process)
        return process


def ask(looker: Filesend) -> Event:
    """Have a looker tell how it is: its `state`."""
    told = sum(event["event"] == "state" for event in looker.events)
    assert looker.process.stdin is not None
    looker.process.stdin.write("\n")
    looker.process.stdin.flush()
    return looker.wait_for("state", lambda event: event["number"] > told)


def most_at_once(looker: Filesend) -> int:
    """Return how many relays a looker knew at most at one time."""
    there = most = 0
    for event in looker.events:
        there += {"found": 1, "gone": -1}.get(event["event"], 0)
        most = max(most, there)
    return most


@pytest.fixture
def lan(tmp_path: Path) -> Iterator[Lan]:
    """One switch."""
    with Lan(tmp_path) as lan:
        yield lan


@pytest.fixture
def one(lan: Lan) -> Host:
    """The first host on it."""
    return lan.host("192.168.7.1/24")


@pytest.fixture
def other(lan: Lan) -> Host:
    """The second."""
    return lan.host("192.168.7.2/24")
