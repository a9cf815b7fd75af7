"""That CI leaves no test out that nobody knows of; tests/conftest.py has the hooks."""

from __future__ import annotations

import pytest

from tests.conftest import NO_NATIVE, judged


def skipped(reason: str) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid="tests/test_x.py::test_x",
        location=("tests/test_x.py", 1, "test_x"),
        keywords={},
        outcome="skipped",
        longrepr=("tests/test_x.py", 1, f"Skipped: {reason}"),
        when="setup",
    )


@pytest.mark.parametrize(
    ("reason", "ci", "outcome"),
    [
        ("the moon is full", "true", "failed"),
        ("the moon is full", "", "skipped"),
        ("there is no IPv6 here", "true", "skipped"),
        # There another Python runs these, and must not pass them over either.
        (NO_NATIVE, "true", "failed"),
        (NO_NATIVE, "", "skipped"),
    ],
)
def test_a_skip_in_ci_that_nobody_knows_of_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, reason: str, ci: str, outcome: str
) -> None:
    monkeypatch.setenv("CI", ci)
    report = judged(skipped(reason))
    assert report.outcome == outcome
    assert reason in str(report.longrepr)


def test_a_module_that_is_left_out_is_judged_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    module = pytest.CollectReport("tests/test_x.py", "skipped", ("x.py", 1, "Skipped: why"), [])
    assert judged(module).failed
