"""Hosts with a network of their own (Linux, root, iproute2): cut, moved, and counted.

Each host is a network namespace that lives as long as a process which holds it; so nothing is left
of it, however the tests end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_HELD: Final = "ip link set lo up && echo up && exec cat"


def why_none() -> str | None:
    """Return why hosts of their own cannot be made here; None if they can."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if os.geteuid() != 0:
        return "network namespaces need root"
    for tool in ("ip", "nsenter", "unshare"):
        if shutil.which(tool) is None:
            return f"network namespaces need the command {tool}"
    return None


class Host:
    """One network namespace; a context manager."""

    def __init__(self) -> None:
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", _HELD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "up\n", "no network namespace was made"
        self.pid = self._holder.pid
        #: The command by which a program runs there.
        self.inside: Sequence[str] = ("nsenter", f"--net=/proc/{self.pid}/ns/net", "--")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._holder.communicate()

    def run(self, *command: str) -> str:
        """Run a program there to its end; return what it said."""
        return subprocess.run(
            [*self.inside, *command], check=True, capture_output=True, text=True
        ).stdout

    def carried(self, interface: str = "lo") -> int:
        """Return the bytes that left by an interface so far, headers included."""
        for line in Path(f"/proc/{self.pid}/net/dev").read_text().splitlines():
            name, _, figures = line.partition(":")
            if name.strip() == interface:
                return int(figures.split()[8])
        raise LookupError(interface)


class Country:
    """Two hosts and the one between them, where a relay is; a context manager.

    hub: forwards what the two send each other. one, other: the two.
    """

    #: Where the hub is reached, by each of the two and by itself.
    HUB: Final = "10.99.0.1"

    def __init__(self) -> None:
        self.hub = Host()
        self.one = Host()
        self.other = Host()
        self.hub.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.hub.run("ip", "address", "add", f"{self.HUB}/32", "dev", "lo")
        for number, host in self._hosts():
            # Both ends are made where they belong: nothing of them is in this machine's network.
            subprocess.run(
                [
                    *("ip", "link", "add", f"to{number}", "netns", str(self.hub.pid)),
                    *("type", "veth", "peer", "name", "out", "netns", str(host.pid)),
                ],
                check=True,
            )
            self.hub.run("ip", "address", "add", f"10.99.{number}.1/24", "dev", f"to{number}")
            self.hub.run("ip", "link", "set", f"to{number}", "up")
            host.run("ip", "link", "set", "out", "up")
            self.move(host, 2)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for host in (self.one, self.other, self.hub):
            host.__exit__(kind, error, trace)

    def move(self, host: Host, last: int) -> None:
        """Give a host this address of its network instead of the one that it had."""
        number = self._number(host)
        host.run("ip", "address", "flush", "dev", "out")
        host.run("ip", "address", "add", f"10.99.{number}.{last}/24", "dev", "out")
        host.run("ip", "route", "replace", "default", "via", f"10.99.{number}.1")

    def cut(self, host: Host) -> None:
        """Cut a host's cable."""
        self.hub.run("ip", "link", "set", f"to{self._number(host)}", "down")

    def mend(self, host: Host) -> None:
        """Mend it."""
        self.hub.run("ip", "link", "set", f"to{self._number(host)}", "up")

    def block_tcp(self) -> None:
        """Carry no more TCP between the two, without a word; the hub is reached as before."""
        for here, there in ((1, 2), (2, 1)):
            self.hub.run(
                *("ip", "rule", "add", "from", f"10.99.{here}.0/24", "to", f"10.99.{there}.0/24"),
                *("ipproto", "tcp", "blackhole"),
            )

    def carried(self) -> int:
        """The bytes that either was sent by the hub or by the other."""
        return self.one.carried("out") + self.other.carried("out")

    def _hosts(self) -> Sequence[tuple[int, Host]]:
        return ((1, self.one), (2, self.other))

    def _number(self, host: Host) -> int:
        return next(number for number, each in self._hosts() if each is host)
