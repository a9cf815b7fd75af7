"""One of the two processes: does what it is told, a JSON object a line in, one a line out.

`python -m benchmarks.webrtc.worker`; ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.webrtc.vitals import Vitals

Answer = dict[str, Any]


class Worker:
    """Holds at most one end of a raw connection and one Client; methods are the commands.

    aiortc and the product are imported by the first command that needs them, so that the first
    transfer pays for its own imports.
    """

    def __init__(self) -> None:
        self._raw: Any = None
        self._client: Any = None

    async def offer(self) -> Answer:
        """Start a raw connection."""
        from benchmarks.webrtc.raw import RawEnd

        self._raw = RawEnd()
        return {"sdp": await self._raw.offer()}

    async def answer(self, sdp: str) -> Answer:
        """Join a raw connection."""
        from benchmarks.webrtc.raw import RawEnd

        self._raw = RawEnd()
        return {"sdp": await self._raw.answer(sdp)}

    async def accept(self, sdp: str) -> Answer:
        """Complete a raw connection."""
        await self._raw.accept(sdp)
        return {}

    async def send(self, total: int, message: int, high: int, low: int) -> Answer:
        """Send raw bytes."""
        async with Vitals() as vitals:
            await self._raw.send(total, message=message, high=high, low=low)
        return vitals.report()

    async def receive(self, total: int) -> Answer:
        """Receive raw bytes."""
        async with Vitals() as vitals:
            figures = await self._raw.receive(total)
        return figures | vitals.report()

    async def close_raw(self) -> Answer:
        """End the raw connection."""
        await self._raw.close()
        self._raw = None
        return {}

    async def seed(self, path: str, tracker: str) -> Answer:
        """Hash and seed a file; `unseed` ends it. Its vitals are those of hashing."""
        async with Vitals() as hashing:
            from benchmarks.webrtc.transfer import Seeder

            self._client = Seeder()
            magnet = await self._client.seed(path, tracker)
        self._serving = Vitals()
        await self._serving.__aenter__()
        return {"magnet": magnet} | hashing.report()

    async def unseed(self) -> Answer:
        """Stop seeding; return how it was to serve."""
        await self._serving.__aexit__(None, None, None)
        await self._client.close()
        return self._serving.report()

    async def download(self, magnet: str, output: str) -> Answer:
        """Download a torrent."""
        async with Vitals() as vitals:
            from benchmarks.webrtc.transfer import Downloader

            client = Downloader()
            try:
                figures = await client.download(magnet, output)
            finally:
                await client.close()
        return figures | vitals.report()


async def serve() -> None:
    """Answer commands until standard input ends."""
    worker = Worker()
    while line := await asyncio.to_thread(sys.stdin.readline):
        command: dict[str, Any] = json.loads(line)
        method: Callable[..., Awaitable[Answer]] = getattr(worker, command.pop("do"))
        try:
            answer = await method(**command)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(serve())
