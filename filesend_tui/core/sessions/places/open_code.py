"""One code at several meeting places: the same number and words at each, and used once in all.

The maker draws the number, and takes one that is free at every place that answers; longer numbers
where those of a length are taken again and again. A place that is slow delays nobody.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import Final, TypeAlias

from filesend_tui.core.errors import FileSendError, NameplateTaken
from filesend_tui.core.sessions.code import Code, new_code
from filesend_tui.core.sessions.places.lobby import Opened
from filesend_tui.core.sessions.places.meeting_place import MeetingPlace

#: Digits of the numbers that are tried, in this order.
DIGITS: Final = (4, 4, 4, 5, 6, 7, 8)
#: Seconds that a code which is open somewhere waits for the other places. Those that take longer
#: have it later.
PATIENCE: Final = 0.4

_Asking: TypeAlias = dict[asyncio.Future[Opened], MeetingPlace]


async def open_code(places: Sequence[MeetingPlace]) -> Opened:
    """Open a new code at these places, in place of earlier ones.

    It is open at one at least; elsewhere it may follow, or fail, which is only logged.

    Raises:
        RelayUnreachable: None of them can be reached.
        FileSendError: All refuse; the reason of the first.
    """
    taken: FileSendError | None = None
    for digits in DIGITS:
        lowest = 10 ** (digits - 1)
        try:
            return await _open(new_code(lowest + secrets.randbelow(9 * lowest)), places)
        except NameplateTaken as error:
            taken = error
    for place in places:
        place.lobby.withdraw()
    assert taken is not None
    raise taken


async def _open(code: Code, places: Sequence[MeetingPlace]) -> Opened:
    """Open this code. Raises NameplateTaken where it is taken at any place that answers soon."""
    asking: _Asking = {asyncio.ensure_future(place.lobby.open(code)): place for place in places}
    for each in asking:
        each.add_done_callback(_seen)
    try:
        return await _first(code, asking)
    except BaseException:
        for each in asking:
            each.cancel()
        raise


def _seen(asking: asyncio.Future[Opened]) -> None:
    if not asking.cancelled():
        asking.exception()  # else asyncio complains of one that nobody looks at


async def _first(code: Code, asking: _Asking) -> Opened:
    loop = asyncio.get_running_loop()
    pending, deadline, opened = set(asking), None, None
    failure: FileSendError | None = None
    while pending and (deadline is None or loop.time() < deadline):
        done, pending = await asyncio.wait(
            pending,
            timeout=None if deadline is None else deadline - loop.time(),
            return_when=asyncio.FIRST_COMPLETED,
        )
        for each in done:
            try:
                answer = each.result()
            except NameplateTaken:
                raise
            except FileSendError as refused:
                failure = failure or refused
                continue
            deadline = deadline or loop.time() + PATIENCE
            if opened is None or (opened.code != code and answer.code == code):
                opened = answer
    if opened is None:
        assert failure is not None
        raise failure
    for each, place in asking.items():
        # A server that gives numbers of its own choice: it is of use where it is the only one.
        if each.done() and not each.exception() and each.result().code != opened.code:
            place.lobby.withdraw()
    return opened
