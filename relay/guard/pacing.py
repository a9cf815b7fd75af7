"""Many, one after another, so that what they all turn to is not met by all of them at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final, TypeVar

_T = TypeVar("_T")

#: Seconds between two, at most.
_BETWEEN_TWO: Final = 0.01


async def paced(each: Sequence[_T], seconds: float) -> AsyncIterator[_T]:
    """Yield one after another, all within so many seconds."""
    for one in each:
        yield one
        await asyncio.sleep(min(_BETWEEN_TWO, seconds / len(each)))
