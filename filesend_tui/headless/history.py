"""The history, printed: what was sent and received, with whom, when, and how it ended."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from filesend_tui.core import events
from filesend_tui.core.journal.journal import Journal
from filesend_tui.core.resume.resuming import unfinished
from filesend_tui.core.util.figures import size_text
from filesend_tui.core.util.text import visible
from filesend_tui.headless.exit_codes import ExitCode
from filesend_tui.headless.narration import lines as lines_of
from filesend_tui.state.figures import road_words
from filesend_tui.state.past import how_ended, title, who

_NOW: Final = "now"
_NOTHING: Final = "Nothing was sent or received yet, or the history is off."


def run(state: Path, limit: int, *, clear: bool, json: bool) -> ExitCode:
    """Print the newest entries, the newest last, or delete all of them; return the exit code.

    Behind them is what other processes are at now.

    Args:
        state: The folder of the journal.
        limit: How many entries at most.
        clear: Delete them instead.
        json: Print each as a JSON object on a line.
    """
    return asyncio.run(_run(state, limit, clear=clear, json=json))


async def _run(state: Path, limit: int, *, clear: bool, json: bool) -> ExitCode:
    troubles: list[events.JournalTrouble] = []
    journal = Journal.open(state)
    journal.watch(troubles.append)
    try:
        if clear:
            count = await journal.clear_history()
            if count is not None:
                _say([f"Deleted the history: {count:,} {'entry' if count == 1 else 'entries'}."])
        else:
            entries = (await journal.history(limit))[::-1]
            going = [each for each in await unfinished(journal) if each.running]
            if json:
                _print_json([*entries, *going])
            elif entries or going:
                said = [line for entry in entries for line in lines(entry)]
                print("\n".join([*said, *(f"{_NOW:18}{_going(each)}" for each in going)]))
            else:
                _say([_NOTHING])
    finally:
        await journal.close()
    if json:
        _print_json(troubles)
    else:
        _say(f"{each.message} {each.hint}" for each in troubles)
    return ExitCode.FAILED if troubles else ExitCode.DONE


def lines(entry: events.History) -> list[str]:
    """Return an entry as lines of text, without terminal control characters."""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.ended))
    amount = [f"{entry.file_count:,} files"] if entry.file_count > 1 else []
    amount.append(size_text(entry.total_bytes))
    road = f", {road_words(entry.road)}" if entry.road else ""
    what = f"{title(entry)} ({', '.join(amount)}) {who(entry)}"
    said = [f"{when}  {what}: {how_ended(entry)}{road}"]
    if entry.folder:
        said.append(f"{'':18}→ {entry.folder}")
    return [visible(line) for line in said]


def _going(event: events.Unfinished) -> str:
    return visible(lines_of(event)[0].text)


def _print_json(entries: Iterable[events.Event]) -> None:
    for entry in entries:
        sys.stdout.buffer.write(events.encode(entry).encode() + b"\n")
    sys.stdout.buffer.flush()


def _say(said: Iterable[str]) -> None:
    for line in said:
        print(visible(line), file=sys.stderr)
