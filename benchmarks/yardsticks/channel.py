"""Bytes over one bare WebRTC data channel: a process an end, controlled by JSON lines.

    python -m benchmarks.yardsticks.channel aiortc|native send|receive

The sender prints its offer, `{"sdp"}`; the receiver reads it and prints its answer; the sender
reads that and prints `{"open": true}`. Then each reads `{"total", "message", "high", "low",
"seconds"}` (bytes, and how long the receiver waits for them at most) and prints its figures.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any, Protocol


class End(Protocol):
    """One end of one connection, which carries bytes one way, once."""

    async def offer(self) -> str:
        """Return this end's offer."""

    async def answer(self, sdp: str) -> str:
        """Take the other end's offer and return the answer."""

    async def accept(self, sdp: str) -> None:
        """Take the other end's answer and wait until the channel is open."""

    async def send(self, total: int, *, message: int, high: int, low: int) -> None:
        """Send `total` bytes."""

    async def receive(self, total: int, seconds: float) -> dict[str, float]:
        """Return bytes and seconds, from the first to the last byte."""

    async def close(self) -> None:
        """Free everything."""


def make(kind: str) -> End:
    """Return an end of the given kind."""
    if kind == "native":
        from benchmarks.yardsticks.native_channel import NativeEnd

        native: End = NativeEnd()
        return native
    from benchmarks.yardsticks.aiortc_channel import AiortcEnd

    return AiortcEnd()


async def run(kind: str, side: str) -> None:
    """Run one side."""
    end = make(kind)
    if side == "send":
        _say(sdp=await end.offer())
        await end.accept((await _told())["sdp"])
        _say(open=True)
        what = await _told()
        cpu = time.process_time()
        sending = asyncio.ensure_future(
            end.send(what["total"], message=what["message"], high=what["high"], low=what["low"])
        )
        # A line ends it once the receiver is done, which may be before everything was sent.
        await _told()
        sending.cancel()
        _say(cpu=time.process_time() - cpu)
    else:
        _say(sdp=await end.answer((await _told())["sdp"]))
        what = await _told()
        cpu = time.process_time()
        figures = await end.receive(what["total"], what["seconds"])
        _say(**figures, cpu=time.process_time() - cpu)
    await asyncio.wait_for(end.close(), 10)


def _say(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


async def _told() -> dict[str, Any]:
    line = await asyncio.to_thread(sys.stdin.readline)
    if not line:
        raise SystemExit(1)
    told: dict[str, Any] = json.loads(line)
    return told


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:3]))
