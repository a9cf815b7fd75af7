"""`filesend limit`: the rates of real processes change while they run, as their figures say."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.e2e.processes import Event, Filesend, World, contents, fill
from tests.e2e.test_lost_terminal import FILESEND, Terminal

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("limit")]


def limit(world: World, *arguments: str) -> list[Event]:
    asked = world.start("limit", "--json", *arguments)
    assert asked.end() == 0, asked.report()
    return asked.events


def rate_after(process: Filesend, limited: Event, figure: str) -> list[float]:
    """The rates that a process told since its limits changed."""
    since = process.events.index(limited)
    key = f"{figure}BytesPerSecond"
    return [event[key] for event in process.events[since:] if event["event"] == figure]


def test_the_rate_of_what_runs_changes(world: World, tmp_path: Path) -> None:
    sent = fill(tmp_path / "from" / "film.mkv", 60_000_000)
    sender, code = world.send(sent, "--upload-limit", "400k")
    receiver = world.receive(code, tmp_path / "to")
    sender.wait_for("upload", lambda event: 0 < event["uploadBytesPerSecond"] < 1_000_000)
    both = {"send": sender.process.pid, "receive": receiver.process.pid}
    assert {each["command"]: each["pid"] for each in limit(world)} == both

    (faster,) = limit(world, "--upload", "3M", "--pid", str(sender.process.pid))
    assert (faster["command"], faster["upload"], faster["download"]) == ("send", 3_000_000, None)
    limited = sender.wait_for("limits", lambda event: event["upload"] == 3_000_000)
    sender.wait_for("upload", lambda event: event["uploadBytesPerSecond"] > 2_000_000)
    assert not any(event["event"] == "limits" for event in receiver.events), "it was not meant"

    (slower,) = limit(world, "--download", "300k", "--pid", str(receiver.process.pid))
    assert (slower["upload"], slower["download"]) == (None, 300_000)
    receiver.wait_for("limits", lambda event: event["download"] == 300_000)
    sender._until(
        lambda: any(0 < rate < 600_000 for rate in rate_after(sender, limited, "upload")[-3:]),
        "slower upload",
    )

    for told in limit(world, "--upload", "none", "--download", "none"):
        assert (told["upload"], told["download"]) == (None, None)
    assert (sender.end(), receiver.end()) == (0, 0), sender.report() + receiver.report()
    assert contents(tmp_path / "to") == contents(tmp_path / "from")
    assert limit(world) == []


def test_where_nothing_runs_that_is_said(world: World) -> None:
    shown = world.start("limit")
    assert shown.end() == 0
    assert shown.errors == ["No filesend of yours runs here."]
    for arguments in (("--upload", "1M"), ("--pid", str(os.getpid()))):
        asked = world.start("limit", "--json", *arguments)
        assert asked.end() == 1
        assert asked.error_codes() == ["noSuchProgram"]


def test_a_rate_that_is_none_is_refused(world: World) -> None:
    asked = world.start("limit", "--upload", "fast")
    assert asked.end() == 2
    assert "--upload: 'fast' is no rate" in asked.report()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_the_screens_can_be_limited(world: World) -> None:
    terminal = Terminal(world, FILESEND)
    terminal.wait_for("works once")
    shown = world.start("limit", "--upload", "500k")
    assert shown.end() == 0, shown.report()
    (line,) = shown.lines
    assert line.split() == (
        f"{terminal.process.pid} screens Sends at most 500 kB/s, receives without limit.".split()
    )
    assert terminal.process.poll() is None
    terminal.cut()
    terminal.process.wait(60)
