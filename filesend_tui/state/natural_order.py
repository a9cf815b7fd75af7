"""The order of names as people expect it: `scan 9` before `scan 10`.

Whether case and accents count is up to the caller, which folds the names before.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias
from unicodedata import decimal

#: Text and numbers in turn; a number is its count of digits, and the digits.
NaturalKey: TypeAlias = tuple[str | tuple[int, str], ...]

_DIGITS: Final = re.compile(r"(\d+)")


def natural_key(name: str) -> tuple[NaturalKey, str]:
    """Return a name's sort key, which ignores case."""
    return natural(name.casefold()), name


def natural(folded: str) -> NaturalKey:
    """Return a folded name's sort key: its runs of digits count as numbers, of any length."""
    if folded.isascii() and folded.isalpha():
        return (folded,)
    return tuple(_number(part) if at % 2 else part for at, part in enumerate(_DIGITS.split(folded)))


def _number(digits: str) -> tuple[int, str]:
    # Not int(): Python refuses thousands of digits, which a stranger may send.
    if not digits.isascii():
        digits = "".join(str(decimal(digit)) for digit in digits)
    figures = digits.lstrip("0")
    return len(figures), figures
