"""Figures for people: sizes and rates as text. Never a decision; raw figures travel beside."""

from __future__ import annotations

import humanize


def size_text(count: float) -> str:
    """Return a number of bytes for people, such as `20 MB` (decimal units)."""
    return humanize.naturalsize(count, format="%.1f").replace(".0 ", " ")


def rate_text(bytes_per_second: float) -> str:
    """Return a rate for people, such as `4 MB/s`."""
    return f"{size_text(bytes_per_second)}/s"
