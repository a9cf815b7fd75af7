"""`filesend doctor` as a process."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
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
        "FILESEND_TRACKERS": "none",
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


def test_a_tracker_is_enough_to_meet(
    relay: RunningRelay, environment: dict[str, str], tmp_path: Path
) -> None:
    trackers = {"FILESEND_TRACKERS": f"{relay.tracker},ws://127.0.0.1:1"}
    told = doctor(environment | trackers, tmp_path, "--relay", "http://127.0.0.1:1")
    assert told.returncode == ExitCode.DONE, told.stdout
    assert "ok  trackers " in told.stdout
    assert "-   trackers No tracker answers at ws://127.0.0.1:1" in told.stdout
    assert "NO  relay " in told.stdout
    assert "Nothing would work" not in told.stdout


def test_where_no_relay_is_named_one_is_started_as_a_transfer_would_do(
    environment: dict[str, str], tmp_path: Path, unused_tcp_port: int
) -> None:
    told = doctor(environment | {"FILESEND_PORT": str(unused_tcp_port)}, tmp_path)
    assert told.returncode == ExitCode.DONE, told.stdout
    assert told.stderr == ""
    assert "No relay is named, and none runs here: one was started" in told.stdout
    assert "ok  people " in told.stdout
    assert "Nothing would work" not in told.stdout
    with pytest.raises(ConnectionRefusedError):  # it ended with the doctor
        socket.create_connection(("127.0.0.1", unused_tcp_port)).close()


def test_where_no_relay_is_named_the_one_that_runs_is_looked_at(
    relay: RunningRelay, environment: dict[str, str], tmp_path: Path
) -> None:
    port = relay.url.rpartition(":")[2]
    told = doctor(environment | {"FILESEND_PORT": port}, tmp_path)
    assert told.returncode == ExitCode.DONE, told.stdout
    assert "this machine's own is looked at" in told.stdout


def test_where_another_program_has_the_port_nothing_would_work(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as other:
        serving = threading.Thread(target=other.serve_forever)
        serving.start()
        told = doctor(environment | {"FILESEND_PORT": str(other.server_port)}, tmp_path)
        other.shutdown()
        serving.join()
    assert told.returncode == ExitCode.FAILED
    assert "Another program listens" in told.stdout
    assert "Nothing would work" in told.stdout


def test_an_address_that_is_none(environment: dict[str, str], tmp_path: Path) -> None:
    told = doctor(environment, tmp_path, "--relay", "ftp://x")
    assert told.returncode in (ExitCode.FAILED, ExitCode.USAGE)
    assert "Traceback" not in told.stderr + told.stdout
