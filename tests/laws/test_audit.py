"""What `make audit` says of what it heard and looked up; and that all floors are above that."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tools import audit
from tools.audit import Advisory
from tools.oldest import floor

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
AN_ID = re.compile(r"CVE-\d{4}-\d{4,}|GHSA(-[0-9a-z]{4}){3}|PYSEC-\d{4}-\d+")
KNOWN = [
    Advisory("a", Version("2"), "CVE-2026-0001"),
    Advisory("b", Version("1.10"), "CVE-2026-0002", accepted="it is far away"),
]

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
def test_the_word_is_clear(answer: Any, status: int, said: str) -> None:
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
) -> None:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        assert command[:3] == [sys.executable, "-m", "pip_audit"]
        return subprocess.CompletedProcess(command, 1, stdout, stderr)

    monkeypatch.setattr(subprocess, "run", run)
    assert audit.ask() == answer


def test_a_service_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], timeout: float, **_: Any) -> None:
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", run)
    assert "does not answer" in str(audit.ask())


def every_requirement() -> list[Requirement]:
    project = tomllib.loads(PROJECT.read_text("utf-8"))
    lines = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    for extra in project["project"]["optional-dependencies"].values():
        lines += extra
    return [Requirement(line) for line in lines]


def test_no_floor_allows_what_is_known_to_be_flawed() -> None:
    """Not even one that only another system, or an extra, installs."""
    known = audit.advisories()
    assert len(known) > 50
    floors: dict[str, Version] = {}
    for each in every_requirement():
        lowest = floor(each)
        assert lowest is not None, f"{each} has no floor"
        floors[canonicalize_name(each.name)] = lowest
    below = [
        f"{each.package}>={floors[each.package]} allows {each.id}, fixed in {each.fixed}"
        for each in known
        if not each.accepted and each.package in floors and floors[each.package] < each.fixed
    ]
    assert below == []


def test_what_is_known_is_told_by_ids_and_dates_and_no_links() -> None:
    text = audit.TABLE.read_text("utf-8")
    assert re.search(r"on 20\d\d-\d\d-\d\d", text), "it says when it was written"
    assert "://" not in text
    known = audit.advisories()
    assert [each.id for each in known if not AN_ID.fullmatch(each.id)] == []
    assert [each.package for each in known if canonicalize_name(each.package) != each.package] == []
    accepted = tomllib.loads(text)["accepted"]
    assert set(accepted) <= {each.id for each in known}
    assert all(len(why) > 20 for why in accepted.values())


@pytest.mark.parametrize(
    ("here", "status", "said"),
    [
        ({}, 0, "none of 2 advisories"),
        ({"a": "2"}, 0, "none of 2 advisories"),
        ({"a": "2.0.1", "c": "0.1"}, 0, "none of 2 advisories"),
        ({"a": "1.99"}, 1, "a 1.99: CVE-2026-0001 (fixed in 2)"),
        ({"a": "2rc1"}, 1, "a 2rc1: CVE-2026-0001 (fixed in 2)"),
        ({"b": "1.9"}, 0, "b 1.9: CVE-2026-0002: it is far away"),
    ],
)
def test_what_is_installed_is_looked_up(here: dict[str, str], status: int, said: str) -> None:
    versions = {name: Version(version) for name, version in here.items()}
    found, lines = audit.look_up(KNOWN, versions)
    assert found == status
    assert said in "\n".join(lines)


@pytest.mark.parametrize(("flawed", "status"), [(False, 0), (True, 1)])
def test_the_table_counts_where_the_service_is_silent(
    flawed: bool, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = {"a": Version("1" if flawed else "2")}
    monkeypatch.setattr(audit, "ask", lambda: "no route to host")
    monkeypatch.setattr(audit, "advisories", lambda: KNOWN)
    monkeypatch.setattr(audit, "installed", lambda: here)
    assert audit.main() == status
    said = capsys.readouterr().out
    assert "AUDIT NOT DONE" in said
    assert ("CVE-2026-0001" in said) is flawed


def test_it_sees_what_is_installed() -> None:
    here = audit.installed()
    assert here["pytest"] == Version(pytest.__version__)
    assert "python-socketio" in here
