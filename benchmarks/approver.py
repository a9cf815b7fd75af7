"""A receiver that says yes only on command: `python -m benchmarks.approver RELAY CODE FOLDER`.

A process of its own. Prints the Client's events as `filesend --json` does; a line on standard input
is the yes to the one request. Ends at the end of standard input.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from filesend_tui.core import events
from filesend_tui.core.client import Client
from filesend_tui.core.config import ClientConfig


async def run(relay: str, code: str, folder: str) -> None:
    """Pair, wait for the yes, answer, and run until standard input ends."""
    client = Client(ClientConfig(name="approver", output=Path(folder)))
    telling = asyncio.create_task(_tell(client))
    await client.connect(relay)
    await client.join(code)
    while line := await asyncio.to_thread(sys.stdin.readline):
        transfer, count = line.split()
        await client.answer(transfer, [True] * int(count))
    await client.destroy()
    await telling


async def _tell(client: Client) -> None:
    async for event in client.subscribe():
        print(events.encode(event), flush=True)


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:4]))
