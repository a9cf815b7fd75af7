"""The table of docs/reachability.md: every pair of networks, measured in the lab; `make nat`.

python -m tests.nat.table                 writes the page
python -m tests.nat.table public CGNAT    shows one pair
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Final

from tests.nat import wormhole
from tests.nat.lab import Lab, Outcome, why_none
from tests.nat.routers import Kind

PAGE: Final = Path(__file__).parent.parent.parent / "docs" / "reachability.md"
BEGIN: Final = "<!-- table, by `make nat` -->"
END: Final = "<!-- end of table -->"
SIZE: Final = 20_000_000
_HEAD: Final = (
    "| one | the other | road | first byte | MB/s | ÷ TCP | told | magic-wormhole |\n"
    "|---|---|---|---|---|---|---|---|"
)
_RECEIVE: Final = """
import socket, time
with socket.create_server(("10.99.0.32", 5000)) as server:
    print("up", flush=True)
    with server.accept()[0] as peer:
        began, got = time.monotonic(), 0
        while part := peer.recv(1 << 20):
            got += len(part)
        print(got / (time.monotonic() - began), flush=True)
"""
_SEND: Final = """
import socket, sys
with socket.create_connection(("10.99.0.32", 5000)) as peer:
    for _ in range(int(sys.argv[1]) >> 20):
        peer.sendall(bytes(1 << 20))
"""


def pairs() -> Iterator[tuple[Kind, Kind]]:
    """Return every pair of networks once."""
    apart = [kind for kind in Kind if kind is not Kind.LAN]
    yield from combinations_with_replacement(apart, 2)
    yield Kind.LAN, Kind.LAN


def tcp_rate() -> float:
    """Return the bytes a second of plain TCP between two of the lab."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Lab(Path(folder), Kind.PUBLIC, Kind.PUBLIC) as lab,
    ):
        here, there = lab.homes
        receiver = subprocess.Popen(
            [*there.inside, sys.executable, "-c", _RECEIVE], stdout=subprocess.PIPE, text=True
        )
        assert receiver.stdout is not None
        receiver.stdout.readline()
        here.run(sys.executable, "-c", _SEND, str(16 * SIZE))
        rate = float(receiver.stdout.readline())
        receiver.wait()
        return rate


def measured(one: Kind, other: Kind) -> Outcome:
    """Send a file from one network to the other, with nothing but a relay."""
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder), one, other) as lab:
        lab.start_relay()
        return lab.send(SIZE, ice=None)


def beside(one: Kind, other: Kind) -> wormhole.Way | None:
    """Do the same with magic-wormhole; None where it is not installed."""
    if not wormhole.installed() or Kind.V6 in (one, other):
        return None  # it takes addresses of IPv6 by name alone, and there are no names here
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder), one, other) as lab:
        return wormhole.send(lab, SIZE)


def row(one: Kind, other: Kind, tcp: float) -> str:
    """Return the row of a pair. tcp: bytes a second of plain TCP."""
    outcome, way = measured(one, other), beside(one, other)
    road = ", then ".join(dict.fromkeys(outcome.roads)) if outcome.same else "**none**"
    first = "–" if outcome.first_byte is None else f"{outcome.first_byte:.1f} s"
    there = "–" if way is None else "none"
    if way is not None and way.first_byte is not None:
        there = f"{way.way}, {way.first_byte:.1f} s, {way.rate / 1e6:.0f}"
    told = "; ".join(outcome.told) or "nothing"
    ratio = f"{outcome.rate / tcp:.2f}" if outcome.same else "–"
    cells = (one, other, road, first, f"{outcome.rate / 1e6:.0f}", ratio, told, there)
    return f"| {' | '.join(cells)} |"


def main(arguments: list[str]) -> None:
    """Measure what is asked for, or all."""
    if why := why_none():
        sys.exit(f"There can be no lab here: {why}.")
    tcp = tcp_rate()
    if arguments:
        print(_HEAD, row(Kind(arguments[0]), Kind(arguments[1]), tcp), sep="\n")
        return
    rows = []
    for one, other in pairs():
        rows.append(row(one, other, tcp))
        print(rows[-1], flush=True)
    when = time.strftime("%Y-%m-%d")
    about = (
        f"Measured {when} on a machine of {os.cpu_count()} cores; plain TCP "
        f"between two hosts of the lab: {tcp / 1e6:.0f} MB/s. A file of {SIZE // 1_000_000} MB."
    )
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    table = "\n".join((BEGIN, "", about, "", _HEAD, *rows, "", END))
    PAGE.write_text(f"{head}{table}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
