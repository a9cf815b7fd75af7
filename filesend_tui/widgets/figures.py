"""Times for people, short enough for a table."""

from __future__ import annotations


def countdown(seconds: float) -> str:
    """Return `0:42`, `12:05` or `1:02:03`; days where there are any."""
    minutes, secs = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours}:{minutes:02}:{secs:02}" if hours else f"{minutes}:{secs:02}"
