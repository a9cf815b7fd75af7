"""`python -m tests.transports.victim`: who answers a native connection, in a process of its own.

It reads an offer as a line of JSON and says its answer as one; for every line after that, how many
bytes of memory the process has taken since the channel opened.
"""

from __future__ import annotations

import asyncio
import json
import sys

import psutil

from filesend_tui.core.transports.webrtc.attempt import WebRtcAttempt
from tests.transports.pairs import NATIVE


async def main() -> None:
    attempt = await WebRtcAttempt.answer(json.loads(await line()), NATIVE)
    print(json.dumps(attempt.description), flush=True)
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
