"""system/terminal.py: streams that are taken from a terminal that is gone."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot select a pipe")

#: Reads standard input once, as a thread does that was about to, and then only if there is more.
PROGRAM = """
import os, select
from filesend_tui.system.terminal import point_nowhere

point_nowhere((0, 1), input_ends={ends})
first = os.read(0, 4096)
more = bool(select.select([0], [], [], 0)[0])
os.write(1, b"nobody reads this")
os.write(2, repr((first, more)).encode())
"""


def told(*, ends: bool) -> bytes:
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(ends=ends)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert process.stdout == b""
    return process.stderr


def test_who_was_about_to_read_is_not_held_and_nobody_reads_on_and_on() -> None:
    assert told(ends=False) == b"(b'\\x1b[O', False)"


def test_input_ends_where_somebody_waits_for_its_end() -> None:
    assert told(ends=True) == b"(b'', True)"
