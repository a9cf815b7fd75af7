"""A face for these tests: one person with any number of sessions, told what to do line by line.

`python -m tests.chaos.friend NAME FOLDER RELAY`: reads orders as JSON, one a line, and prints
events as `--json` does, besides `did` for each order. Takes everything that is sent, into FOLDER.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psutil

from filesend_tui.core import events
from filesend_tui.core.client import Client
from filesend_tui.core.config import ClientConfig, RoadChoice
from filesend_tui.core.errors import FileSendError
from filesend_tui.core.event_stream import Subscription
from filesend_tui.core.events import Direction, SessionId
from filesend_tui.core.journal.journal import Journal
from filesend_tui.runtime.event_loop import runner

LIMIT: Final = 3_000_000
#: How the names of threads begin that stay for what comes next, a bounded number of each.
_POOLS: Final = ("asyncio_", "uvloop_", "filesend-disk", "filesend-hash")


class Friend:
    """Carries out orders on one client."""

    def __init__(self, client: Client, folder: Path) -> None:
        self._client = client
        self._folder = folder
        self._answers: set[asyncio.Task[None]] = set()

    async def follow(self, stream: Subscription) -> None:
        """Print every event, and take what is offered."""
        async for event in stream:
            print(events.encode(event), flush=True)
            if isinstance(event, events.FileRequest) and event.direction is Direction.RECEIVE:
                task = asyncio.create_task(self._take(event))
                self._answers.add(task)
                task.add_done_callback(self._answers.discard)

    async def _take(self, request: events.FileRequest) -> None:
        with suppress(FileSendError):  # withdrawn, or answered by an earlier process
            await self._client.answer(request.transfer, [True] * len(request.files))

    async def carry_out(self, order: dict[str, Any]) -> dict[str, Any]:
        """Carry out one order; return what came of it."""
        client = self._client
        match order:
            case {"do": "code"}:
                return {"code": await client.create_code()}
            case {"do": "join", "code": code}:
                return {"session": await client.join(code)}
            case {"do": "send", "path": path, "to": session}:
                return {"transfer": await client.request([Path(path)], to=SessionId(session))}
            case {"do": "cancel", "transfer": transfer}:
                await client.cancel(transfer)
            case {"do": "leave", "session": session}:
                await client.leave(SessionId(session))
            case {"do": "resume"}:
                for each in await client.unfinished():
                    assert each.session is not None
                    await client.resume(each.session, each.transfer)
            case {"do": "unfinished"}:
                return {"unfinished": [each.transfer for each in await client.unfinished()]}
            case {"do": "vitals"}:
                gc.collect()
                return {
                    "tasks": len(asyncio.all_tasks()),
                    "threads": lasting_threads(),
                    "memory": psutil.Process().memory_info().rss,
                }
            case _:
                raise ValueError(order)
        return {}


def lasting_threads() -> int:
    """How many threads there are, besides those that wait for whatever comes next."""
    return sum(not each.name.startswith(_POOLS) for each in threading.enumerate())


async def main(name: str, folder: Path, relay: str) -> None:
    """Connect, and carry out orders until there are no more."""
    journal = Journal.open(Path(os.environ["FILESEND_STATE"]))
    config = ClientConfig(
        name=name, output=folder, road=RoadChoice.DIRECT, local=True, upload_limit=LIMIT
    )
    client = Client(config, journal)
    friend = Friend(client, folder)
    following = asyncio.create_task(friend.follow(client.subscribe()))
    await client.connect(relay)
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    reading = loop.run_in_executor(None, _read, loop, lines)
    while line := await lines.get():
        order = json.loads(line)
        try:
            result = await friend.carry_out(order)
        except FileSendError as error:
            result = {"refused": error.code}
        print(json.dumps({"event": "did", "order": order["id"], **result}), flush=True)
    await reading
    await client.destroy()
    await following


def _read(loop: asyncio.AbstractEventLoop, lines: asyncio.Queue[str]) -> None:
    for line in sys.stdin:
        loop.call_soon_threadsafe(lines.put_nowait, line)
    loop.call_soon_threadsafe(lines.put_nowait, "")


if __name__ == "__main__":
    with runner() as running:
        running.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
