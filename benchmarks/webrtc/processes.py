"""The children of a run: two workers and a relay. Each ends when its standard input does."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

_TIMEOUT = 600.0
_LINE_LIMIT = 1024 * 1024


class WorkerFailed(Exception):
    """A worker could not do what it was told."""


class WorkerProcess:
    """A worker seen from the run: one command at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Return the worker's answer. Raises WorkerFailed."""
        reader, writer = self._process.stdout, self._process.stdin
        assert reader is not None
        assert writer is not None
        writer.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
        await writer.drain()
        line = await asyncio.wait_for(reader.readline(), _TIMEOUT)
        answer: dict[str, Any] = json.loads(line) if line else {"error": "the worker ended"}
        if "error" in answer:
            raise WorkerFailed(f"{do}: {answer['error']}")
        return answer


@asynccontextmanager
async def child(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a Python module as a child with pipes to its stdin and stdout; end it afterwards."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE_LIMIT,
    )
    try:
        yield process
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


@asynccontextmanager
async def worker() -> AsyncIterator[WorkerProcess]:
    """Run a worker."""
    async with child("benchmarks.webrtc.worker") as process:
        yield WorkerProcess(process)


@asynccontextmanager
async def relay() -> AsyncIterator[str]:
    """Run a relay on a free port; yields its tracker's URL."""
    async with child("relay", "--port", "0", "--until-stdin-closes") as process:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
        url = line.rsplit(" ", 1)[-1].strip()
        if not url.startswith("http"):
            raise WorkerFailed(f"the relay said {line!r}")
        yield url.replace("http", "ws", 1) + "/announce"
