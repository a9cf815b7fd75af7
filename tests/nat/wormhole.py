"""magic-wormhole in the lab: its own commands and servers, as a yardstick for `make nat`."""

from __future__ import annotations

import importlib.util
import re
import time
from pathlib import Path
from typing import NamedTuple

from tests.e2e.processes import Filesend
from tests.nat.lab import Lab
from tests.nat.routers import Kind

MODULES = ("wormhole", "wormhole_mailbox_server", "wormhole_transit_relay")
#: Ports of its two servers: none but 443 gets out of some homes, and then its bytes do not.
MAILBOX, TRANSIT = 443, 444
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
    for plugin, port in (("wormhole-mailbox", MAILBOX), ("transitrelay", TRANSIT)):
        server = _run(lab, None, "twisted", plugin, "--port", rf"tcp:{port}:interface=\:\:")
        server.wait_for_line("Starting reactor")
    source, output = lab.folder / "film.bin", lab.folder / "wormhole"
    source.write_bytes(bytes(size))
    output.mkdir()
    sender = _run(lab, 0, "wormhole", *_servers(lab, 0), "send", "--no-qr", "--code", _CODE, source)
    sender.wait_for_line(_CODE)
    arrived = output / source.name
    receive = ("receive", "--accept-file", "-o", arrived, _CODE)
    receiver = _run(lab, 1, "wormhole", *_servers(lab, 1), *receive)
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


def _servers(lab: Lab, number: int) -> tuple[str, ...]:
    v6 = lab.kinds[number] is Kind.V6
    websocket, tcp = ("[fd99::1]", "fd99::1") if v6 else ("10.99.0.1", "10.99.0.1")
    relay = f"ws://{websocket}:{MAILBOX}/v1"
    return ("--relay-url", relay, "--transit-helper", f"tcp:{tcp}:{TRANSIT}")


def _run(lab: Lab, number: int | None, module: str, *arguments: str | Path) -> Filesend:
    host = lab.internet if number is None else lab.homes[number]
    home = lab.folder / f"wormhole {number}"
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
