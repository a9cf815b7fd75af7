"""Two network namespaces with a link between them, as a context manager."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_SOURCE: Final = Path(__file__).with_name("link.c")
_START_SECONDS: Final = 30
_SMALLEST_QUEUE: Final = 256 * 1024
_numbers = itertools.count()


class Unavailable(Exception):
    """This machine cannot make a link; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """The parameters of a link.

    rtt: round trip in ms. rate: Mbit/s each way; 0 for no limit. loss: percent of packets, each
    way. queue: bytes that may wait at either end; None for one round trip at full rate, and at
    least 256 KiB. seed: which packets are lost.
    """

    rtt: float = 0.0
    rate: float = 0.0
    loss: float = 0.0
    queue: int | None = None
    seed: int = 1

    def __str__(self) -> str:
        parts = [f"{self.rtt:g} ms"]
        if self.rate:
            parts.append(
                f"{self.rate / 1000:g} Gbit/s" if self.rate >= 1000 else f"{self.rate:g} Mbit/s"
            )
        if self.loss:
            parts.append(f"{self.loss:g}% loss")
        return ", ".join(parts)

    @property
    def queue_bytes(self) -> int:
        """Bytes that may wait at either end."""
        if self.queue is not None:
            return self.queue
        return max(_SMALLEST_QUEUE, int(self.rate * 1e6 / 8 * self.rtt / 1e3))


@dataclass(frozen=True, kw_only=True)
class Carried:
    """The traffic one way: packets (large TCP segments count as one), bytes, and losses."""

    packets: int
    bytes: int
    lost: int
    dropped: int


def why_unavailable() -> str | None:
    """Return why no link can be made here; None if one can."""
    if sys.platform != "linux":
        return "links need Linux's network namespaces"
    if os.geteuid() != 0:
        return "links need root, for network namespaces"
    for tool in ("ip", _compiler()):
        if shutil.which(tool) is None:
            return f"links need the command {tool!r}"
    if not Path("/dev/net/tun").exists():
        return "links need /dev/net/tun, which this kernel has not"
    return None


class Wan:
    """Two ends of a link, `a` and `b`; a context manager.

    Attributes:
        addresses: The IPv4 address of each end.
        carried: After the end: the traffic from a to b, and from b to a.
    """

    def __init__(self, link: Link) -> None:
        self.link = link
        number = next(_numbers)
        self._names = tuple(f"fsbench{os.getpid()}-{number}{side}" for side in "ab")
        # A separate network for each link of this process, and of most other processes.
        base = (os.getpid() * 7 + number) % 16000
        net = f"10.{200 + base // 64 // 50}.{base // 64 % 250}."
        first = base % 64 * 4
        self.addresses = (f"{net}{first + 1}", f"{net}{first + 2}")
        self.carried: tuple[Carried, Carried] | None = None
        self._process: subprocess.Popen[str] | None = None
        self._made: list[str] = []

    def __enter__(self) -> Self:
        if reason := why_unavailable():
            raise Unavailable(reason)
        try:
            self._open()
        except (OSError, subprocess.SubprocessError) as error:
            self._close()
            raise Unavailable(f"no link could be made: {error}") from error
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def at(self, side: int, *command: str) -> list[str]:
        """Return the command line that runs `command` at one end: 0 for a, 1 for b."""
        return ["ip", "netns", "exec", self._names[side], *command]

    def _open(self) -> None:
        program = compiled()
        for name in self._names:
            _run("ip", "netns", "add", name)
            self._made.append(name)
            _run("ip", "-n", name, "link", "set", "lo", "up")
            # The kernel's cached metrics of one connection must not help the next one.
            _run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv4.tcp_no_metrics_save=1")
        link, (a, b), (here, there) = self.link, self._names, self.addresses
        figures = (
            link.rtt * 500,
            link.rate * 1000,
            link.loss * 10_000,
            link.queue_bytes,
            link.seed,
        )
        self._process = subprocess.Popen(
            [
                program,
                a,
                f"{here}/30",
                b,
                f"{there}/30",
                *(str(round(figure)) for figure in figures),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "up\n":
            raise Unavailable("the link did not come up; what it said is above")

    def _close(self) -> None:
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                said, _ = self._process.communicate(timeout=_START_SECONDS)
                ways = [[int(figure) for figure in line.split()] for line in said.splitlines()]
                if len(ways) == 2:
                    forth, back = (
                        Carried(packets=way[0], bytes=way[1], lost=way[2], dropped=way[3])
                        for way in ways
                    )
                    self.carried = (forth, back)
            self._process.kill()
            self._process.wait()
            self._process = None
        for name in self._made:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
        self._made.clear()


def compiled() -> str:
    """Return the link program's path; compile it unless it exists. Raises Unavailable."""
    digest = hashlib.sha256(_SOURCE.read_bytes()).hexdigest()[:16]
    program = Path(tempfile.gettempdir()) / f"filesend-bench-{os.geteuid()}" / f"link-{digest}"
    if not program.exists():
        program.parent.mkdir(mode=0o700, exist_ok=True)
        fresh = program.with_suffix(f".{os.getpid()}")
        _run(_compiler(), "-O2", "-o", str(fresh), str(_SOURCE))
        fresh.replace(program)
    return str(program)


def _compiler() -> str:
    return os.environ.get("CC", "cc")


def _run(*command: str) -> None:
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    if result.returncode:
        said = result.stderr.strip() or f"it ended with {result.returncode}"
        raise Unavailable(f"{' '.join(command)}: {said}")
