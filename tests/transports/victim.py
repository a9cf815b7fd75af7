"""`python -m tests.transports.victim`: who answers a native connection, in a process of its own.

It reads an offer as a line of JSON and says its answer as one; for every line after that, how many
bytes of memory the process has taken since the channel opened.
"""

from __future__ import annotations

import asyncio
import json
import sys

import psutil

from filesend_tui.core.transports.base import no_relay
from filesend_tui.core.transports.webrtc.transport import WebRtcTransport
from tests.transports.pairs import NATIVE


async def main() -> None:
    attempt = await WebRtcTransport(NATIVE).answer(json.loads(await line()), no_relay)
    print(json.dumps(attempt.text), flush=True)
    channel = await attempt.opened()
    process = psutil.Process()
    before = process.memory_info().rss
    while await line():
        print(process.memory_info().rss - before, flush=True)
    await channel.close()


async def line() -> str:
    return await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(main())
