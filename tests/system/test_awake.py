"""Keeping a machine awake: a program that runs while it is held, and ends with it."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from filesend_tui.system import awake
from filesend_tui.system.awake import Awake
from tests.waiting import until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows needs no program for it")


@pytest.fixture
def inhibitor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program in the inhibitor's place that notes that it runs, until its input ends."""
    program = tmp_path / "inhibit"
    program.write_text(
        f"#!/bin/sh\necho begun >> {tmp_path}/log\ncat\necho over >> {tmp_path}/log\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(awake, "inhibitor", lambda: [str(program)])
    return tmp_path / "log"


async def test_it_is_kept_awake_while_it_is_held(inhibitor: Path) -> None:
    kept = Awake()
    kept.hold(False)
    kept.hold(True)
    kept.hold(True)
    await until(lambda: inhibitor.exists() and "begun" in inhibitor.read_text())
    child = kept._child
    assert child is not None
    kept.hold(False)
    await until(lambda: kept._child is None and child.poll() is not None)
    assert inhibitor.read_text().count("begun") == 1


async def test_a_machine_without_such_a_program_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(awake, "inhibitor", lambda: ["/nowhere/such-a-program"])
    kept = Awake()
    kept.hold(True)
    await until(lambda: not kept._changing.locked())
    kept.hold(False)
    assert kept._child is None
