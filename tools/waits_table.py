"""The table of what transfers wait for in docs/reliability.md, generated from exchange/patience.py.

`python -m tools.waits_table` writes it, between two marks. Only the tests of each row are listed
here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from filesend_tui.core.exchange.patience import WAITS, Wait

PAGE: Final = Path(__file__).parents[1] / "docs" / "reliability.md"
BEGIN: Final = "<!-- waits, by `python -m tools.waits_table` -->\n"
END: Final = "<!-- end of waits -->\n"

#: The tests that bring each wait about, by its name.
BROUGHT_ABOUT: Final = {
    "answer": (
        "tests/exchange/test_transfers.py"
        "::test_who_does_not_answer_and_who_is_away_is_no_reason_to_end",
    ),
    "ownReading": (
        "tests/exchange/test_transfers.py"
        "::test_a_disk_that_never_delivers_what_is_to_be_sent_ends_it_on_both_sides",
    ),
    "tracker": (
        "tests/torrent/test_standing.py"
        "::test_a_tracker_that_never_answers_is_waited_for_for_a_while",
        "tests/meeting/test_announcer.py::test_a_tracker_that_says_nothing_has_failed",
    ),
    "preparing": (
        "tests/exchange/test_transfers.py::test_a_sender_who_never_hashes_is_told_of_and_given_up",
    ),
    "meeting": (
        "tests/torrent/test_standing.py::test_nobody_is_there_before_somebody_is",
        "tests/security/test_changed_sources.py::test_what_kept_the_two_from_meeting_is_told",
    ),
    "relaySlows": (
        "tests/core/test_road_told.py::test_a_relay_that_holds_it_back_is_named_as_the_reason",
    ),
    "sending": (
        "tests/core/test_waiting.py::test_a_disk_that_hangs_is_told_at_both_sides",
        "tests/security/test_private_swarm.py::test_a_partner_who_stalls_is_given_up_and_told_of",
    ),
    "taking": ("tests/core/test_waiting.py::test_a_disk_that_hangs_is_told_at_both_sides",),
    "ownSending": ("tests/core/test_waiting.py::test_a_disk_that_hangs_is_told_at_both_sides",),
    "ownFiles": ("tests/core/test_waiting.py::test_a_disk_that_hangs_is_told_at_both_sides",),
}

_HEAD: Final = """\
| what | whose turn it is | told after | ends after | what is said, and what to do | test |
|---|---|---|---|---|---|
"""


def made(text: str) -> str:
    """Return a page with the current table between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    rows = "".join(map(_row, dict.fromkeys(WAITS.values())))
    return f"{before}{BEGIN}{_HEAD}{rows}{END}{after}"


def _row(wait: Wait) -> str:
    ends = "never" if wait.ends is None else f"{wait.ends:.0f} s"
    said = f"{wait.message} {wait.hint}".replace("{partner}", "NAME")
    tests = ", ".join(f"`{test}`" for test in BROUGHT_ABOUT[wait.what])
    return f"| `{wait.what}` | {wait.turn} | {wait.tells:.0f} s | {ends} | {said} | {tests} |\n"


if __name__ == "__main__":
    PAGE.write_text(made(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
