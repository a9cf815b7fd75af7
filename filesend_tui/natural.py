"""The order of names as people expect it: `scan 9` before `scan 10`, whatever the case."""

from __future__ import annotations

import re
from typing import Any, Final

_DIGITS: Final = re.compile("([0-9]+)")


def natural_key(name: str) -> tuple[tuple[Any, ...], str]:
    """Return what to sort a name by: its runs of digits count as numbers, of any length."""
    parts: list[Any] = _DIGITS.split(name.casefold())
    for place, digits in enumerate(parts[1::2]):
        number = digits.lstrip("0")
        parts[2 * place + 1] = (len(number), number)
    return tuple(parts), name
