"""`python -m tools.screenshots`: the screenshots of the README, made with the real app.

The same moments as in the snapshot tests, written to docs/screenshots/*.svg.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from textual._doc import take_svg_screenshot
from textual.pilot import Pilot

from tests.tui.scripted import Stage, fill_home
from tests.tui.test_snapshots import MOMENTS, steady

TARGET = Path(__file__).parents[1] / "docs" / "screenshots"
#: The file's name, the moment it shows, and the terminal's size.
PICTURES = (
    ("pair", "waiting_for_a_partner", (80, 24)),
    ("send", "picking", (80, 24)),
    ("approval", "being_asked", (80, 24)),
    ("transfers", "transferring_both_ways", (100, 30)),
    ("done", "done", (80, 24)),
    ("light", "by_daylight", (80, 24)),
)


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


def take(moment: str, size: tuple[int, int]) -> str:
    """Play a moment and return the screenshot as SVG."""
    with tempfile.TemporaryDirectory() as folder:
        home = fill_home(Path(folder) / "home")
        places = {"HOME": str(home), "USERPROFILE": str(home), "TZ": "UTC"}
        usage = _Usage(2**40, 2**39, 120_000_000_000)
        with (
            mock.patch.dict(os.environ, places),
            mock.patch(
                "filesend_tui.core.torrent.storage.free_space.shutil.disk_usage", lambda _: usage
            ),
        ):
            if hasattr(time, "tzset"):
                time.tzset()
            stage = Stage(home)

            async def play(pilot: Pilot[None]) -> None:
                await MOMENTS[moment](stage, pilot)
                await steady(stage, pilot)

            return take_svg_screenshot(stage.app, terminal_size=size, run_before=play)


def main() -> None:
    """Write every screenshot, or only those named on the command line."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, moment, size in PICTURES:
        if not sys.argv[1:] or name in sys.argv[1:]:
            (TARGET / f"{name}.svg").write_text(take(moment, size), encoding="utf-8")
            print(TARGET / f"{name}.svg")


if __name__ == "__main__":
    main()
