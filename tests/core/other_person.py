"""Somebody in a process of their own, to be killed: `other_person NAME RELAY OUTPUT SOURCE`.

Joins the code on standard input, asks to send SOURCE, says yes to all it is asked, and goes on.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from filesend_tui.core import events
from filesend_tui.core.client import Client
from filesend_tui.core.config import ClientConfig, RoadChoice


async def main(name: str, relay: str, output: str, source: str) -> None:
    client = Client(ClientConfig(name=name, output=Path(output), road=RoadChoice.DIRECT))
    stream = client.subscribe()
    await client.connect(relay)
    await client.join(sys.stdin.readline().strip())
    await client.request([Path(source)])
    async for event in stream:
        if isinstance(event, events.FileRequest) and event.direction is events.Direction.RECEIVE:
            await client.answer(event.transfer, [True] * len(event.files))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
