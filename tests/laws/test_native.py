"""That what needs the native WebRTC stack is never passed over in silence."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import native
from benchmarks.processes import Failed
from tools import native as run

SAID = "NATIVE TESTS NOT RUN: no Python from 3.12 on was found"


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_without_a_python_for_them_it_is_said_and_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    ci: str,
    status: int,
) -> None:
    monkeypatch.setattr(native, "_PYTHON", str(tmp_path / "python"))
    monkeypatch.setattr(native, "_NEEDED", (sys.version_info.major, 99))
    monkeypatch.setenv("CI", ci)
    assert run.main() == status
    assert SAID in capsys.readouterr().out


def test_what_is_found_must_be_new_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    candidates = iter(["no-such-python", sys.executable])
    monkeypatch.setattr(native, "_pythons", lambda: candidates)
    monkeypatch.setattr(native, "_NEEDED", sys.version_info[:2])
    assert native._newer() == sys.executable
    monkeypatch.setattr(native, "_NEEDED", (sys.version_info.major, 99))
    monkeypatch.setattr(native, "_pythons", lambda: [sys.executable])
    with pytest.raises(Failed):
        native._newer()
