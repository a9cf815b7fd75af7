"""What two people did is in the history afterwards; with real processes, killed ones too."""

from __future__ import annotations

import json
import stat
import time
from pathlib import Path

import pytest

from filesend_tui.system.file_manager import path_of
from tests.e2e.processes import TIMEOUT, World, contents, fill

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("transfers")]


def history(world: World, *arguments: str) -> list[dict[str, object]]:
    process = world.start("history", "--json", *arguments)
    assert process.end() == 0, process.report()
    return [json.loads(line) for line in process.lines]


def test_both_sides_remember_a_transfer(world: World, tmp_path: Path) -> None:
    """They share the state folder, as two terminals of one person do."""
    sent = fill(tmp_path / "from" / "film.mkv", 100_000)
    sender, code = world.send(sent)
    receiver = world.receive(code, tmp_path / "to")
    assert (receiver.end(), sender.end()) == (0, 0)
    assert contents(tmp_path / "to") == contents(sent.parent)
    entries = {each["direction"]: each for each in history(world)}
    assert set(entries) == {"send", "receive"}
    came = entries["receive"]
    assert came["partner"] == "Ann"
    assert entries["send"]["partner"] == "Bob"
    assert came["names"] == ["film.mkv"]
    assert came["totalBytes"] == 100_000
    assert path_of(str(came["url"])) == (tmp_path / "to" / "film.mkv").resolve()
    assert came["hash"] == entries["send"]["hash"] == receiver.wait_for("metadata")["torrent"]
    assert came["road"] == entries["send"]["road"] == "direct"
    assert {each["result"] for each in entries.values()} == {"done"}
    state = tmp_path / "state"
    assert stat.S_IMODE((state / "journal.sqlite").stat().st_mode) == 0o600
    assert list((state / "running").iterdir()) == []
    assert history(world, "-n", "1") != []


def test_a_history_that_is_off_has_nothing(world: World, tmp_path: Path) -> None:
    world.environment["FILESEND_HISTORY"] = "false"
    sender, code = world.send(fill(tmp_path / "from" / "film.mkv", 1000))
    receiver = world.receive(code, tmp_path / "to")
    assert (receiver.end(), sender.end()) == (0, 0)
    assert history(world) == []


def test_a_killed_process_leaves_a_journal_that_opens(world: World, tmp_path: Path) -> None:
    sender, _ = world.send(fill(tmp_path / "from" / "film.mkv", 1000))
    running = tmp_path / "state" / "running"
    deadline = time.monotonic() + TIMEOUT
    while not (tmp_path / "state" / "journal.sqlite").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    sender.process.kill()
    sender.end()
    assert len(list(running.iterdir())) == 1
    assert history(world) == []
    assert list(running.iterdir()) == []
