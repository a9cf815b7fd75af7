"""One address at the limit of what a relay bears from it, and everybody else: the shipped bounds.

Measured in seconds of the relay's processor, which no other load of the machine changes.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator

import psutil
import pytest

from relay.guard.limits import Limits
from tests.security.raw import TEXT, Raw, Town, frame, town

FAR, NEAR, OTHER = "192.0.2.1", "198.51.100.1", "198.51.100.2"
#: Of the processor's time, what is spent on an address beyond what is measured: the system's part
#: of its sockets, and what libraries do in tasks of their own.
UNMEASURED = 2.5


class Relay:
    """A relay's process, and what it cost so far."""

    def __init__(self, process: Process, url: str) -> None:
        self.url = url
        self._process = psutil.Process(process.pid)

    def spent(self) -> float:
        """Seconds of the processor."""
        times = self._process.cpu_times()
        return times.user + times.system


async def started(*arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(sys.executable, "-m", *arguments, stdout=PIPE)


async def said(process: Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 60)).decode()


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    process = await started("relay", "--port", "0", "--trusted-proxy", "127.0.0.1")
    try:
        yield Relay(process, (await said(process)).split()[-1])
    finally:
        process.kill()
        await process.wait()


@pytest.fixture
async def flood(relay: Relay) -> AsyncIterator[None]:
    process = await started("tests.security.flooder", relay.url, FAR)
    try:
        assert await said(process) == "flooding\n"
        yield
    finally:
        process.kill()
        await process.wait()


async def answer(person: Raw, call: bytes) -> dict[str, object]:
    await person.send(frame(TEXT, b"421" + call))
    reply: dict[str, object] = json.loads((await person.hear())[3:])[0]
    return reply


async def pair(here: Town) -> None:
    one, other = await here.person(NEAR), await here.person(OTHER)
    nameplate = (await answer(one, b'["allocate",{}]'))["nameplate"]
    claim = json.dumps(["claim", {"nameplate": nameplate}]).encode()
    assert "room" in await answer(other, claim)
    assert b"claimed" in await one.hear()


@pytest.mark.slow
async def test_an_address_at_its_limit_costs_a_part_of_the_loop_and_strangers_pair(
    relay: Relay, flood: None
):
    """A stranger pairs while the relay spends less than a second, on them and the flood together.

    And of all that time an address gets no more than its share.
    """
    limit = Limits().address_loop_time
    async with town(relay.url) as here:
        # What it may have at once is spent when it must wait for a turn.
        async with asyncio.timeout(60):
            while not (await here.figures())["turns_waiting"]:
                await asyncio.sleep(0.05)
        since, began = relay.spent(), time.monotonic()
        for _ in range(5):
            before = relay.spent()
            await pair(here)
            assert relay.spent() - before < 1
            await asyncio.sleep(0.5)  # what is measured is what is spent meanwhile
        spent, elapsed = relay.spent() - since, time.monotonic() - began
        assert spent < UNMEASURED * limit.per_second * elapsed + 0.5
