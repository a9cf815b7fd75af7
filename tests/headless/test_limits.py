"""headless/limits.py: a program that does not take its limits. The rest is in tests/e2e."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from filesend_tui.headless import limits
from filesend_tui.headless.exit_codes import ExitCode
from filesend_tui.runtime.programs import Program, Wish


def test_one_that_is_stopped_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(limits, "PATIENCE", 0.0)
    program = Program.enter(tmp_path, "send")
    program.show((None, None))
    assert limits.run(tmp_path, Wish(upload=9_000), None, json=True) is ExitCode.FAILED
    assert json.loads(capfd.readouterr().out)["code"] == "programSilent"
    assert [wish for _, wish in program.wishes()] == [Wish(upload=9_000)], "it takes it later"
    program.leave()
