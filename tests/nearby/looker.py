"""Looks for relays nearby and says so as JSON lines; a line on standard input: its state, EOF: end.

python -m tests.nearby.looker [--own INSTANCE] [--pause SECONDS]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys

import psutil

from filesend_tui.core.nearby.relays import NearbyRelays
from filesend_tui.core.nearby.table import NearbyRelay
from relay.protocol import nearby


def say(event: str, **more: object) -> None:
    print(json.dumps({"event": event, **more}), flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--own", default="")
    parser.add_argument("--pause", type=float, default=nearby.PAUSE)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    nearby.PAUSE = options.pause  # type: ignore[misc]

    def found(relay: NearbyRelay) -> None:
        say("found", url=relay.url, instance=relay.instance)

    def gone(relay: NearbyRelay) -> None:
        say("gone", url=relay.url, instance=relay.instance)

    relays = NearbyRelays(found, gone, lambda: options.own)
    await relays.start()
    await relays.ready()
    say("ready", why=relays.why_none)
    process = psutil.Process()
    number = 0
    while await asyncio.to_thread(sys.stdin.readline):
        number += 1
        memory = process.memory_info().rss
        say("state", number=number, why=relays.why_none, relays=len(relays.relays), memory=memory)
    await relays.close()
    say("closed")


asyncio.run(main())
