"""What `make audit` says of what it heard."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from tests import audit

GOOD = {"name": "good", "version": "1", "vulns": []}
BAD = {"name": "bad", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}
UNKNOWN = {"name": "odd", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ([GOOD], 0, "no known vulnerability in 1 packages"),
        ([GOOD, UNKNOWN], 0, "AUDIT INCOMPLETE: nothing is known of odd"),
        ([UNKNOWN], 0, "AUDIT NOT DONE"),
        ([], 0, "AUDIT NOT DONE"),
        ("no route to host", 0, "AUDIT NOT DONE"),
        ([GOOD, BAD, UNKNOWN], 1, "bad 2: CVE-1 (fixed in 3)"),
    ],
)
def test_the_word_is_clear(answer: Any, status: int, said: str):
    found, lines = audit.report(answer)
    assert found == status
    assert said in "\n".join(lines)


@pytest.mark.parametrize(
    ("stdout", "stderr", "answer"),
    [
        ('{"dependencies": [], "fixes": []}', "", []),
        ("", "ERROR: cannot connect\n", "ERROR: cannot connect"),
        ("<html>", "", "pip-audit ended with 1"),
    ],
)
def test_an_answer_is_read_or_its_lack_explained(
    monkeypatch: pytest.MonkeyPatch, stdout: str, stderr: str, answer: object
):
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        assert command[:3] == [sys.executable, "-m", "pip_audit"]
        return subprocess.CompletedProcess(command, 1, stdout, stderr)

    monkeypatch.setattr(subprocess, "run", run)
    assert audit.ask() == answer


def test_a_service_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    def run(command: list[str], timeout: float, **_: Any) -> None:
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", run)
    assert "does not answer" in str(audit.ask())
