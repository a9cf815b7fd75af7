"""magic-wormhole between two processes, with a mailbox server and a transit relay of our own.

Runs its own command line, as its users do; its output shows when bytes begin to flow and when the
file is complete.
"""

from __future__ import annotations

import importlib.util
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import Failed, Program

_START = 60.0
_CODE = "7-benchmark-only"
_WRITTEN = ("Received file written", "Received files written")


@dataclass(frozen=True)
class Servers:
    """The URLs of the mailbox server and the transit relay."""

    mailbox: str
    transit: str


@contextmanager
def servers(folder: Path) -> Iterator[Servers]:
    """Run both servers; their database goes into `folder`. Raises Failed where not installed."""
    with (
        _server("wormhole-mailbox", folder) as (_, mailbox),
        transit_relay(folder) as (_, transit),
    ):
        yield Servers(f"ws://{mailbox}/v1", f"tcp:{transit}")


@contextmanager
def transit_relay(folder: Path) -> Iterator[tuple[Program, str]]:
    """Run the transit relay; yield it, and its address. Raises Failed where not installed."""
    with _server("transitrelay", folder) as running:
        yield running


@contextmanager
def _server(plugin: str, folder: Path) -> Iterator[tuple[Program, str]]:
    for module in ("wormhole", "wormhole_mailbox_server", "wormhole_transit_relay"):
        if importlib.util.find_spec(module) is None:
            raise Failed("magic-wormhole and its servers are not installed: pip install .[bench]")
    address = f"127.0.0.1:{_free_port()}"
    command = [sys.executable, "-m", "twisted", plugin]
    command += ["--port", f"tcp:{address.rpartition(':')[2]}:interface=127.0.0.1"]
    with Program(command, folder=folder) as server:
        server.wait_for(lambda line: True if "Starting reactor" in line else None, _START)
        yield server, address


def send(servers: Servers, source: Path, folder: Path, environment: Mapping[str, str]) -> float:
    """Send a file into `folder`; return seconds from the connection until the file is complete."""
    return send_folder(servers, source, folder, environment)[1]


def send_folder(
    servers: Servers,
    source: Path,
    folder: Path,
    environment: Mapping[str, str],
    seconds: float = 300.0,
) -> tuple[float, float]:
    """Send a file or folder into `folder`; return the seconds that it packs, and that it sends.

    It packs from its start until it shows its code, and sends from the connection until everything
    is in place. seconds: the timeout of each.
    """
    command = [sys.executable, "-m", "wormhole", "--relay-url", servers.mailbox]
    command += ["--transit-helper", servers.transit]
    with ExitStack() as stack:

        def run(*words: str | Path) -> Program:
            return stack.enter_context(
                Program([*command, *words], environment=environment, folder=folder)
            )

        began = time.perf_counter()
        sender = run("send", "--no-qr", "--code", _CODE, source)
        told, _ = sender.wait_for(lambda line: True if _CODE in line else None, seconds)
        receiver = run("receive", "--accept-file", _CODE)
        first, line = receiver.wait_for(
            lambda line: line if line.startswith("Receiving (") else None, _START
        )
        if "relay" in line:
            raise Failed(f"magic-wormhole did not connect directly: {line}")
        last, _ = receiver.wait_for(
            lambda line: True if line.startswith(_WRITTEN) else None, seconds
        )
        sender.end()
        return told - began, last - first


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
