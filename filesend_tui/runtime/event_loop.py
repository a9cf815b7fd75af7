"""The event loop that a face runs on: the fastest there is on this machine.

A data channel of aiortc lives from one small packet to the next, and uvloop hands those over at
half the price: measured twice the rate. It has no Windows; there asyncio's own loop serves.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from functools import partial
from pathlib import PurePath
from typing import Any, Final

#: Whose tasks may end in an error that nobody waits for.
_WEBRTC: Final = frozenset({"aiortc", "aioice"})

log = logging.getLogger(__name__)


def runner(*, eager_tasks: bool = False) -> asyncio.Runner:
    """Return a runner with a fresh loop, to be used in a `with`.

    Args:
        eager_tasks: Whether tasks will be made to begin at once, as Textual asks for.
    """
    try:
        import uvloop
    except ImportError:
        return asyncio.Runner(loop_factory=partial(_made, asyncio.new_event_loop))
    if eager_tasks and not supports_uvloop():
        return asyncio.Runner(loop_factory=partial(_made, asyncio.new_event_loop))
    return asyncio.Runner(loop_factory=partial(_made, uvloop.new_event_loop))


def _made(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> asyncio.AbstractEventLoop:
    loop = new_loop()
    loop.set_exception_handler(on_loop_error)
    return loop


def on_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Report what nobody waited for, but for what is no fault.

    aiortc connects, sends and sends again in tasks of its own. Where a connection is given up
    meanwhile, as each time another road is the first, they fail: that is what giving up means.
    """
    if isinstance(context.get("exception"), ConnectionError) and _is_webrtcs(context.get("future")):
        log.debug("a connection was given up while it was used: %s", context["exception"])
    else:
        loop.default_exception_handler(context)


def _is_webrtcs(task: object) -> bool:
    code = getattr(task.get_coro(), "cr_code", None) if isinstance(task, asyncio.Task) else None
    return code is not None and not _WEBRTC.isdisjoint(PurePath(code.co_filename).parts)


def supports_uvloop() -> bool:
    """Whether this Python's eager tasks take all that uvloop tells them.

    From 3.13 on uvloop says `eager_start`, which 3.13.0 does not know: no task would ever begin.
    """
    if sys.version_info < (3, 13):
        return True
    import inspect

    taken = inspect.signature(asyncio.eager_task_factory).parameters.values()
    return any(each.name == "eager_start" or each.kind is each.VAR_KEYWORD for each in taken)
