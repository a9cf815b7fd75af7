"""`python -m benchmarks.webrtc`: a file transfer's rate as a share of a raw data channel's.

Two processes live through the whole run and take turns at both, so machine, processes and moment
are the same for each pair of figures. See benchmarks/README.md for the method.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import shutil
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from benchmarks.webrtc.processes import WorkerProcess, relay, worker

MB = 1_000_000
#: The share of the raw rate that a transfer is meant to reach.
TARGET = 0.85
#: Message sizes tried for the yardstick, in bytes.
MESSAGES = (16 * 1024, 32 * 1024, 64 * 1024)
#: (high, low) marks of queued bytes tried for the yardstick.
MARKS = (256 * 1024, 128 * 1024), (1024 * 1024, 512 * 1024), (4096 * 1024, 2048 * 1024)
PROBE_BYTES = 24 * MB
PROBE_PASSES = 2


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One measurement. Rate in MB/s, seconds, bytes; sender and receiver are worker answers."""

    rate: float
    wall: float
    sender: dict[str, Any]
    receiver: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Yardstick:
    """How the raw channel is driven, in bytes."""

    message: int = 32 * 1024
    high: int = 1024 * 1024
    low: int = 512 * 1024

    def __str__(self) -> str:
        return f"{self.message // 1024}/{self.high // 1024} KiB"


class Run:
    """The two processes, the relay's tracker and a folder to work in."""

    def __init__(
        self, sender: WorkerProcess, receiver: WorkerProcess, tracker: str, folder: Path
    ) -> None:
        self._sender = sender
        self._receiver = receiver
        self._tracker = tracker
        self._folder = folder

    async def raw(self, total: int, yardstick: Yardstick) -> Figures:
        """Send bytes over a fresh bare data channel."""
        began = asyncio.get_running_loop().time()
        offer = await self._sender.ask("offer")
        answer = await self._receiver.ask("answer", sdp=offer["sdp"])
        await self._sender.ask("accept", sdp=answer["sdp"])
        received, sent = await asyncio.gather(
            self._receiver.ask("receive", total=total),
            self._sender.ask(
                "send",
                total=total,
                message=yardstick.message,
                high=yardstick.high,
                low=yardstick.low,
            ),
        )
        wall = asyncio.get_running_loop().time() - began
        await asyncio.gather(self._sender.ask("close_raw"), self._receiver.ask("close_raw"))
        return Figures(
            rate=received["bytes"] / received["seconds"] / MB,
            wall=wall,
            sender=sent,
            receiver=received,
        )

    async def transfer(self, source: Path) -> Figures:
        """Send a file from Client to Client through the relay's tracker."""
        output = self._folder / "received"
        output.mkdir()
        seeded = await self._sender.ask("seed", path=str(source), tracker=self._tracker)
        try:
            received = await self._receiver.ask(
                "download", magnet=seeded["magnet"], output=str(output)
            )
        finally:
            served = await self._sender.ask("unseed")
        arrived = Path(url2pathname(urlsplit(received["url"]).path))
        if await asyncio.to_thread(_digest, arrived) != await asyncio.to_thread(_digest, source):
            raise SystemExit("the file that arrived is not the file that was sent")
        shutil.rmtree(output)
        served["hashingStall"] = seeded["longestStall"]
        return Figures(
            rate=received["bytes"] / received["seconds"] / MB,
            wall=received["wall"],
            sender=served,
            receiver=received,
        )


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def make_file(path: Path, size: int) -> Path:
    """Write `size` bytes that do not compress."""
    with path.open("wb") as file:
        for start in range(0, size, MB):
            file.write(os.urandom(min(MB, size - start)))
    return path


async def find_yardstick(run: Run, *, marks: bool) -> Yardstick:
    """Try the raw channel's settings and return the fastest, so that it is no straw man.

    Each is tried PROBE_PASSES times, in turn, and its best counts: whatever else the machine does
    only ever slows it down.
    """
    best: dict[Yardstick, float] = {}
    for _ in range(PROBE_PASSES):
        for high, low in MARKS if marks else MARKS[1:2]:
            for message in MESSAGES:
                yardstick = Yardstick(message=message, high=high, low=low)
                figures = await run.raw(PROBE_BYTES, yardstick)
                print(row(f"{yardstick}", figures), flush=True)
                best[yardstick] = max(best.get(yardstick, 0.0), figures.rate)
    return max(best, key=best.__getitem__)


def row(name: str, figures: Figures) -> str:
    """Return one line of the table."""
    sender, receiver = figures.sender, figures.receiver
    return (
        f"  {name:<12} {figures.rate:8.1f} {figures.wall:8.1f}"
        f"   {sender['peakRss'] / MB:6.0f} {receiver['peakRss'] / MB:6.0f}"
        f"   {sender['longestStall'] * 1000:6.0f} {receiver['longestStall'] * 1000:6.0f}"
        f"   {sender['cpuSeconds']:6.1f} {receiver['cpuSeconds']:6.1f}"
    )


HEADING = """
                                   peak RSS, MB   longest stall,   CPU seconds
                   MB/s   wall, s                 ms
                                     send   recv     send   recv     send   recv"""


async def measure(options: argparse.Namespace) -> None:
    """Run all rounds and print what they show."""
    size = options.size_mb * MB
    with tempfile.TemporaryDirectory(prefix="filesend-bench-") as name:
        folder = Path(name)
        async with relay() as tracker, worker() as sender, worker() as receiver:
            run = Run(sender, receiver, tracker, folder)
            if options.raw_only:
                print(HEADING, flush=True)
                await find_yardstick(run, marks=True)
                return
            # The first transfer pays for the imports, as a user's first does.
            small = make_file(folder / "small.bin", PROBE_BYTES)
            first = await run.transfer(small)
            print(f"first transfer, {PROBE_BYTES // MB} MB, with imports:")
            print(HEADING)
            print(row("transfer", first))
            print("\nraw, by size of message / bytes queued:", flush=True)
            yardstick = await find_yardstick(run, marks=options.marks)
            source = make_file(folder / "sent.bin", size)
            print(f"\n{options.rounds} rounds of {options.size_mb} MB; raw: {yardstick}")
            print(HEADING, flush=True)
            raws, transfers = [], []
            for number in range(options.rounds):
                # Every other round the other way about, so that neither always follows the other.
                for kind in ("raw", "transfer") if number % 2 == 0 else ("transfer", "raw"):
                    if kind == "raw":
                        raws.append(await run.raw(size, yardstick))
                        print(row(kind, raws[-1]), flush=True)
                    else:
                        transfers.append(await run.transfer(source))
                        print(row(kind, transfers[-1]), flush=True)
    summarise(raws, transfers)


def summarise(raws: list[Figures], transfers: list[Figures]) -> None:
    """Print the medians and what they mean."""
    raw = statistics.median(figures.rate for figures in raws)
    transfer = statistics.median(figures.rate for figures in transfers)
    share = transfer / raw
    stall = max(
        max(f.sender["longestStall"], f.receiver["longestStall"], f.sender["hashingStall"])
        for f in transfers
    )
    rss = max(max(f.sender["peakRss"], f.receiver["peakRss"]) for f in transfers)
    print(f"\nmedian: raw {raw:.1f} MB/s, transfer {transfer:.1f} MB/s")
    raw_cpu, cpu = (
        statistics.median(f.sender["cpuSeconds"] + f.receiver["cpuSeconds"] for f in kind)
        for kind in (raws, transfers)
    )
    verdict = "meets" if share >= TARGET else "misses"
    print(f"share of the raw channel: {share:.2f}, {verdict} {TARGET}")
    print(f"processor time of both sides: raw {raw_cpu:.1f} s, transfer {cpu:.1f} s")
    print(f"transfer: longest stall {stall * 1000:.0f} ms, peak RSS {rss / MB:.0f} MB")


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.webrtc", description=__doc__)
    parser.add_argument("--size-mb", type=int, default=100, help="megabytes a round (100)")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of measurements (3)")
    parser.add_argument(
        "--marks", action="store_true", help="also try how much the raw sender should queue"
    )
    parser.add_argument(
        "--raw-only", action="store_true", help="only compare settings of the raw channel"
    )
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
