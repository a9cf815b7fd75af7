"""`filesend listen` as it is, which also tells twice a second what is open inside of it.

`python -m tests.chaos.listener …`: takes what `filesend` takes. Tells as `vitals`, among the events
of `--json`, how many tasks and threads there are, besides those that wait for whatever comes next.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, Final

from filesend_tui.__main__ import begin
from filesend_tui.headless.contacts import standing
from tests.chaos.friend import lasting_threads

_EVERY: Final = 0.5


async def _tell() -> None:
    while True:
        inside = {"tasks": len(asyncio.all_tasks()), "threads": lasting_threads()}
        # One write a line, as the printer's in its thread.
        sys.stdout.buffer.write(f"{json.dumps({'event': 'vitals', **inside})}\n".encode())
        sys.stdout.buffer.flush()
        await asyncio.sleep(_EVERY)


_listen = standing.listen


async def _listening(*given: Any, **named: Any) -> None:
    telling = asyncio.create_task(_tell())
    try:
        await _listen(*given, **named)
    finally:
        telling.cancel()


if __name__ == "__main__":
    standing.listen = _listening
    begin()
