"""Times, paths and roads for people, short enough for a table."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from filesend_tui.core.util.text import visible


def countdown(seconds: float) -> str:
    """Return `0:42`, `12:05` or `1:02:03`; days and hours from one day on."""
    minutes, secs = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours}:{minutes:02}:{secs:02}" if hours else f"{minutes}:{secs:02}"


def percent(fraction: float) -> str:
    """Return ` 63%`, four characters; 100% only when it is complete."""
    return f"{int(max(0.0, min(1.0, fraction)) * 100):3}%"


_ROADS: Final = {
    "direct": "straight between your machines",
    "webrtc": "through WebRTC",
    "relayed": "through a TURN server",
}


def road_words(road: str) -> str:
    """Return how bytes travel, in words; empty where that is not known yet."""
    return _ROADS.get(road, road)


def short_path(path: Path) -> str:
    """Return a path with the home folder as `~`, without terminal control characters."""
    try:
        below = path.relative_to(Path.home())
    except (ValueError, RuntimeError):  # not below the home folder, or there is none
        return visible(str(path))
    return "~" if below == Path() else visible(str(Path("~") / below))
