"""The event loop that a face runs on: the fastest there is on this machine.

A data channel of aiortc lives from one small packet to the next, and uvloop hands those over at
half the price: measured twice the rate. It has no Windows; there asyncio's own loop serves.
"""

from __future__ import annotations

import asyncio
import sys


def runner(*, eager_tasks: bool = False) -> asyncio.Runner:
    """Return a runner with a fresh loop, to be used in a `with`.

    Args:
        eager_tasks: Whether tasks will be made to begin at once, as Textual asks for.
    """
    try:
        import uvloop
    except ImportError:
        return asyncio.Runner()
    if eager_tasks and not bears_uvloop():
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


def bears_uvloop() -> bool:
    """Whether this Python's eager tasks take all that uvloop tells them.

    From 3.13 on uvloop says `eager_start`, which 3.13.0 does not know: no task would ever begin.
    """
    if sys.version_info < (3, 13):
        return True
    import inspect

    taken = inspect.signature(asyncio.eager_task_factory).parameters.values()
    return any(each.name == "eager_start" or each.kind is each.VAR_KEYWORD for each in taken)
