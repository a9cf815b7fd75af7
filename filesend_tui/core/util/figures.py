"""Figures for people: sizes, rates, addresses as text. No decision ever lives here."""

from __future__ import annotations

import re
from typing import Final

_RATE: Final = re.compile(
    r"(?P<number>[0-9]{1,12}(\.[0-9]{1,12})?)\s*((?P<prefix>[kmg])(?P<binary>i)?)?(b(/s|ps)?)?",
    re.IGNORECASE,
)
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3}


def size_text(count: float) -> str:
    """Return a number of bytes for people, such as `20 MB` (decimal units)."""
    import humanize  # imported late: the first screen shows no figure

    return humanize.naturalsize(count, format="%.1f").replace(".0 ", " ")


def rate_text(bytes_per_second: float) -> str:
    """Return a rate for people, such as `4 MB/s`."""
    return f"{size_text(bytes_per_second)}/s"


def address_text(host: str, port: int | str) -> str:
    """Return a host's address and a port as one, such as `[::1]:80` (RFC 3986, section 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_rate(text: str) -> int:
    """Return the bytes a second that a person means by `500k`, `2M`, `1.5 MB/s` or `64 KiB/s`.

    A `b` is a byte in either case: no rate here is in bits.

    Raises:
        ValueError: It is not a rate.
    """
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no rate; write bytes a second, such as 500k or 2M")
    base = 1024.0 if match["binary"] else 1000.0
    power = _POWERS[(match["prefix"] or "").lower()]
    return round(float(match["number"]) * base**power)


def typed_rate(bytes_per_second: int | None) -> str:
    """Return a rate as it is typed, such as `500k`, so that it parses to exactly that; None: ``."""
    if bytes_per_second is None:
        return ""
    for unit, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if bytes_per_second >= unit and bytes_per_second * 100 % unit == 0:
            return f"{bytes_per_second / unit:g}{letter}"
    return str(bytes_per_second)
