"""magic-wormhole in the lab: its own commands and servers, as a yardstick for `make nat`."""

from __future__ import annotations

import importlib.util
import re
import time
from pathlib import Path
from typing import NamedTuple

from tests.chaos.network import Host
from tests.e2e.processes import Filesend
from tests.nat.lab import Lab

MODULES = ("wormhole", "wormhole_mailbox_server", "wormhole_transit_relay")
#: The port of its two servers, on two machines: nothing else gets out of some homes.
PORT = 443
_SERVERS = (
    *("--relay-url", f"ws://10.99.0.1:{PORT}/v1"),
    *("--transit-helper", f"tcp:10.99.0.3:{PORT}"),
)
_CODE = "7-in-the-lab"
_PROGRESS = re.compile(r"[1-9]\d*%")


class Way(NamedTuple):
    """What became of a transfer. way: empty where none came about."""

    way: str
    first_byte: float | None
    rate: float


def installed() -> bool:
    """Return whether it is there."""
    return all(importlib.util.find_spec(module) is not None for module in MODULES)


def send(lab: Lab, size: int, patience: float = 60.0) -> Way:
    """Send a file from the first home to the second; return how it went."""
    for plugin, host in (("wormhole-mailbox", lab.internet), ("transitrelay", lab.server(3))):
        server = _run(lab, host, "twisted", plugin, "--port", rf"tcp:{PORT}:interface=\:\:")
        server.wait_for_line("Starting reactor")
    source, output = lab.folder / "film.bin", lab.folder / "wormhole"
    source.write_bytes(bytes(size))
    output.mkdir()
    here, there = lab.homes
    options = ("send", "--no-qr", "--code", _CODE, source)
    sender = _run(lab, here, "wormhole", *_SERVERS, *options)
    try:
        sender.wait_for_line(_CODE)
    except AssertionError:  # it reaches no mailbox server from there, as behind a proxy alone
        return Way("", None, 0.0)
    arrived = output / source.name
    receive = ("receive", "--accept-file", "-o", arrived, _CODE)
    receiver = _run(lab, there, "wormhole", *_SERVERS, *receive)
    began = time.monotonic()
    asked: float | None = None
    first: float | None = None
    way = ""
    while receiver.process.poll() is None and time.monotonic() < began + patience:
        said = "\n".join((*receiver.lines, *receiver.errors))
        if asked is None and "Receiving file" in said:
            asked = time.monotonic()
        if not way and (via := re.search(r"Receiving \((.*?)\)", said)):
            way = "relay" if "relay" in via[1] else "direct"
        if first is None and way and (_PROGRESS.search(said) or "Received file" in said):
            first = time.monotonic()
        time.sleep(0.01)
    ended = time.monotonic()
    receiver.kill()
    sender.kill()
    if not arrived.exists() or arrived.stat().st_size != size:
        return Way("", None, 0.0)
    first = first or ended
    return Way(way, first - (asked or began), size / max(0.05, ended - first))


def _run(lab: Lab, host: Host, module: str, *arguments: str | Path) -> Filesend:
    home = lab.folder / f"wormhole {host.pid}"
    home.mkdir(exist_ok=True)
    process = Filesend(
        arguments,
        {**lab.world.environment, "HOME": str(home), "PYTHONUNBUFFERED": "1"},
        module=module,
        inside=host.inside,
        cwd=home,
    )
    lab.world.processes.append(process)
    return process
