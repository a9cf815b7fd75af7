"""Looks at what is nearby and says so as JSON lines; a line on standard input: its state, EOF: end.

python -m tests.nearby.looker [--own INSTANCE] [--pause SECONDS] [--as NAME]

For relays; as somebody of a name for people, and then a line `call INSTANCE` asks one of them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys

import psutil

from filesend_tui.core.nearby.people import NearbyPeople, NearbyPerson
from filesend_tui.core.nearby.relays import NearbyRelay, NearbyRelays
from relay.protocol import nearby


def say(event: str, **more: object) -> None:
    print(json.dumps({"event": event, **more}), flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--own", default="")
    parser.add_argument("--pause", type=float, default=nearby.PAUSE)
    parser.add_argument("--as", dest="name", default="")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    nearby.PAUSE = options.pause  # type: ignore[misc]

    def found(relay: NearbyRelay) -> None:
        say("found", url=relay.url, instance=relay.instance)

    def gone(relay: NearbyRelay) -> None:
        say("gone", url=relay.url, instance=relay.instance)

    def came(person: NearbyPerson) -> None:
        say("found", **person._asdict())

    def went(person: NearbyPerson) -> None:
        say("gone", **person._asdict())

    relays: NearbyRelays | NearbyPeople
    if options.name:
        relays = NearbyPeople(options.name, came, went)
        say("me", instance=relays.instance)
    else:
        relays = NearbyRelays(found, gone, lambda: options.own)
    await relays.start()
    await relays.ready()
    say("ready", why=relays.why_none)
    process = psutil.Process()
    number = 0
    while line := await asyncio.to_thread(sys.stdin.readline):
        if isinstance(relays, NearbyPeople) and line.startswith("call"):
            await relays.call(line.removeprefix("call").strip())
            continue
        number += 1
        memory = process.memory_info().rss
        say("state", number=number, why=relays.why_none, relays=len(relays.rows), memory=memory)
    await relays.close()
    say("closed")


asyncio.run(main())
