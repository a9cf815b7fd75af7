"""A web page in a real browser, and a relay on loopback: the page gets nothing out of it."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

from tests.conftest import running_relay
from tests.interop.kinds import PEERS
from tests.security.raw import town


def test_a_page_reaches_nothing_of_a_relay_on_loopback(browser: Path) -> None:
    with running_relay() as relay:
        done = subprocess.run(
            ["node", PEERS / "rebinding.mjs", browser, relay.url],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        got = json.loads(done.stdout)

        async def people() -> float:
            async with town(relay.url) as here:
                return (await here.figures())["connections"] - 1

        left = asyncio.run(people())

    # By its own name, from this machine, it answers: so what follows is the relay's doing.
    assert got["own"]["metrics"][0] == 200
    assert got["own"]["people"][0] == "heard"

    rebound = got["rebound"]
    assert rebound["metrics"][0] == rebound["polling"][0] == 421
    assert rebound["people"] == ["closed", ""]

    elsewhere = got["elsewhere"]
    assert elsewhere["metrics"][0] == 0, "it may not read across origins"
    assert elsewhere["people"] == ["closed", ""]

    for page in got.values():
        assert page["scripts"] == ["refused"] * 20
    assert left == 0, "no connection is kept"
