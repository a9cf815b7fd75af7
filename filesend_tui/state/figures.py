"""Times, paths and roads for people, short enough for a table."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from filesend_tui.core import events
from filesend_tui.core.events import PausedBy, Who
from filesend_tui.core.util.figures import rate_text
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


def who_words(by: Who | None, partner: str, *, you: str = "you") -> str:
    """Return which of the two did something; empty where neither did."""
    return {None: "", Who.YOU: you, Who.PARTNER: partner}[by]


def queued_words(before: int) -> str:
    """Return for how many others something waits, such as `2 others`."""
    return "another" if before == 1 else f"{before:,} others"


def paused_words(by: PausedBy, partner: str) -> str:
    """Return who has paused something: `you`, the partner's name, or both; empty for nobody."""
    who = {PausedBy.YOU: "you", PausedBy.PARTNER: partner, PausedBy.BOTH: f"you and {partner}"}
    return who.get(by, "")


_ROADS: Final = {
    "direct": "straight between your machines",
    "webrtc": "through WebRTC",
    "relayed": "through a server in between, which cannot read them",
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


def absent_words(excluded: int, links_not_made: int) -> str:
    """Return what of a choice is not sent, or of a request not made here; empty where it is all.

    Args:
        excluded: How many files and folders the sender leaves out by choice.
        links_not_made: How many links the receiver's disk or system does not make.
    """
    told = []
    if excluded:
        things = "1 thing is" if excluded == 1 else f"{excluded:,} things are"
        told.append(f"{things} left out, as you exclude them.")
    if links_not_made:
        links = "1 link is" if links_not_made == 1 else f"{links_not_made:,} links are"
        told.append(f"{links} left out: this system, or the folder's file system, makes none.")
    return " ".join(told)


def others_words(others: int) -> str:
    """Return who else is asked to take the same, and what that means; empty where nobody is."""
    if not others:
        return ""
    who = "one other" if others == 1 else f"{others} others"
    return f"Offered to {who}, too: those who take it help each other, by their addresses."


def resumed_text(event: events.Metadata) -> str:
    """Return where a download goes on with what an earlier run left; empty where there is nothing.

    In percentages of what is wanted, as its progress is.
    """
    total = event.wanted_bytes or 1
    if event.doubted_bytes:
        share = percent((event.resumed_bytes + event.doubted_bytes) / total).strip()
        return f"continues at up to {share}, which is being verified"
    if not event.resumed_bytes:
        return ""
    return f"continues at {percent(event.resumed_bytes / total).strip()}"


def limits_words(upload: int | None, download: int | None) -> str:
    """Return rate limits in bytes a second for people, such as `Sends at most 500 kB/s, …`."""
    return f"Sends {_at_most(upload)}, receives {_at_most(download)}"


def _at_most(rate: int | None) -> str:
    return "without limit" if rate is None else f"at most {rate_text(rate)}"
