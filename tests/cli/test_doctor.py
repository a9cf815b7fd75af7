"""`filesend doctor` as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from filesend_tui.headless.exit_codes import ExitCode
from tests.conftest import RunningRelay


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    own = {key: value for key, value in os.environ.items() if not key.startswith("FILESEND_")}
    return own | {
        "FILESEND_SETTINGS": str(tmp_path / "settings.toml"),
        "FILESEND_STATE": str(tmp_path / "state"),
        "FILESEND_ICE_SERVERS": "none",
    }


def doctor(
    environment: dict[str, str], folder: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "filesend_tui", "doctor", "-o", str(folder), *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_it_says_a_line_for_each(
    relay: RunningRelay, environment: dict[str, str], tmp_path: Path
) -> None:
    told = doctor(environment, tmp_path, "--relay", relay.url)
    assert told.returncode == ExitCode.DONE
    assert told.stderr == ""
    lines = told.stdout.splitlines()
    for name in ("folder", "relay", "people", "tracker", "transit"):
        assert any(line.startswith(f"ok  {name} ") for line in lines), told.stdout
    assert not any(line.startswith("NO") for line in lines), told.stdout


def test_as_json_where_nothing_would_work(environment: dict[str, str], tmp_path: Path) -> None:
    told = doctor(environment, tmp_path, "--relay", "http://127.0.0.1:1", "--json")
    assert told.returncode == ExitCode.FAILED
    assert told.stderr == ""
    said = [json.loads(line) for line in told.stdout.splitlines()]
    assert {each["event"] for each in said[:-1]} == {"check"}
    assert said[-1] == {"event": "doctor", "works": False}
    (relay,) = [each for each in said[:-1] if each["name"] == "relay"]
    assert relay["ok"] is False
    assert relay["hint"]


def test_where_no_relay_is_named(environment: dict[str, str], tmp_path: Path) -> None:
    told = doctor(environment | {"FILESEND_PORT": "1"}, tmp_path)
    assert told.returncode == ExitCode.FAILED
    assert "No relay is named" in told.stdout
    assert "Nothing would work" in told.stdout


def test_an_address_that_is_none(environment: dict[str, str], tmp_path: Path) -> None:
    told = doctor(environment, tmp_path, "--relay", "ftp://x")
    assert told.returncode in (ExitCode.FAILED, ExitCode.USAGE)
    assert "Traceback" not in told.stderr + told.stdout
