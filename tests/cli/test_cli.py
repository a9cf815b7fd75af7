"""cli/ as a process: help, usage errors, and what scripts rely on."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from filesend_tui import __version__
from filesend_tui.headless.exit_codes import ExitCode

TIMEOUT = 60
#: A port of this machine where nobody listens.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which no setting of the person who runs this counts."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("FILESEND_")}
    return own | {
        "FILESEND_SETTINGS": str(tmp_path / "settings.toml"),
        "FILESEND_STATE": str(tmp_path / "state"),
        "FILESEND_ICE_SERVERS": "none",
        "FILESEND_RELAY": NOWHERE,
        "FILESEND_TRACKERS": "none",
        "FILESEND_LISTEN": "local",
        "COLUMNS": "100",
    }


def filesend(
    environment: dict[str, str], *arguments: str, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "filesend_tui", *arguments],
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def test_the_version(environment: dict[str, str]) -> None:
    assert filesend(environment, "--version").stdout == f"filesend {__version__}\n"


def test_the_console_script_is_the_same(environment: dict[str, str]) -> None:
    script = Path(sys.executable).with_name("filesend")
    told = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert told.stdout == f"filesend {__version__}\n"


def test_help_names_every_command(environment: dict[str, str]) -> None:
    told = filesend(environment, "--help").stdout
    for command in ("send", "receive", "seed", "download", "relay", "--install-completion"):
        assert command in told


@pytest.mark.parametrize("command", ["send", "receive", "seed", "download"])
def test_each_command_takes_the_shared_options(environment: dict[str, str], command: str) -> None:
    told = filesend(environment, command, "--help").stdout
    for option in ("--json", "--ice-server", "--log-level", "--log-file"):
        assert option in told


@pytest.mark.skipif(sys.platform == "win32", reason="Windows counts no time of children")
@pytest.mark.parametrize("asked", ["--version", "--help"])
def test_it_answers_at_once(environment: dict[str, str], asked: str) -> None:
    # Processor time and the best of some: this machine may be busy with other tests.
    def seconds() -> float:
        before = os.times()
        filesend(environment, asked)
        after = os.times()
        return (after.children_user - before.children_user) + (
            after.children_system - before.children_system
        )

    assert min(seconds() for _ in range(5)) < 0.3


USAGE_ERRORS = {
    "no such command": (["fly"], "fly"),
    "no path": (["send"], "PATH"),
    "a path that is not there": (["send", "nowhere.txt"], "nowhere.txt"),
    "a path that is not there, seeded": (["seed", "nowhere.txt"], "nowhere.txt"),
    "an empty path": (["send", __file__, ""], "names nothing"),
    "an empty path, seeded": (["seed", ""], "names nothing"),
    "an output that is a file": (["receive", "1-a-b", "--yes", "-o", __file__], "test_cli.py"),
    "no magnet": (["download"], "MAGNET"),
    "a relay that is no address": (["send", __file__, "--relay", "ftp://x"], "--relay"),
    "an ICE server that is none": (["send", __file__, "--ice-server", "x"], "--ice-server"),
    "a page that is none": (["seed", __file__, "--web", "instant.io"], "https://instant.io/"),
    "a log level that is none": (["receive", "--log-level", "loud"], "--log-level"),
    "a port out of range": (["relay", "--port", "70000"], "65535"),
    "screens without a terminal": ([], "terminal"),
    "nobody to ask": (["receive", "1-a-b"], "--yes"),
    "a place that is none": (["send", __file__, "--at", "tracker"], "relay, own, nearby, trackers"),
    "a place that is none, before": (["--at", "x", "receive", "1-a-b", "--yes"], "--at"),
    "a place that is not set": (["receive", "1-a-b", "--yes", "--at", "trackers"], "no tracker"),
    "a code at no address": (["receive", "1-apple-violin@ftp://x", "--yes"], "code's place"),
    "a code at no address, to send": (
        ["send", __file__, "--code", "1-apple-violin@ftp://x"],
        "code's place",
    ),
    "a relay to save that is none": (["relay", "--save", "ftp://x"], "--save"),
    "no relay to save": (["relay", "--save", ""], "--save"),
}


@pytest.mark.parametrize(("arguments", "told"), USAGE_ERRORS.values(), ids=USAGE_ERRORS)
def test_wrong_usage_is_2_and_says_what(
    environment: dict[str, str], arguments: list[str], told: str
) -> None:
    result = filesend(environment, *arguments)
    assert result.returncode == ExitCode.USAGE
    assert told in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_a_bad_settings_file_is_wrong_usage(environment: dict[str, str]) -> None:
    Path(environment["FILESEND_SETTINGS"]).write_text("colour = 1\n")
    result = filesend(environment, "receive", "--yes")
    assert result.returncode == ExitCode.USAGE
    assert environment["FILESEND_SETTINGS"] in result.stderr
    assert "colour" in result.stderr


def errors_in(result: subprocess.CompletedProcess[str]) -> list[str]:
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert told[-1]["event"] == "clientDestroyed"
    for error in (event for event in told if event["event"] == "error"):
        assert error["message"].endswith((".", "?"))
        assert error["hint"]
    # A warning about a torrent that goes on asking is no end.
    return [e["code"] for e in told if e["event"] == "error" and not e["torrent"]]


FAILURES = {
    "send to no relay": (["send", __file__], ExitCode.RELAY_UNREACHABLE, "relayUnreachable"),
    "receive from no relay": (
        ["receive", "7-apple-violin", "--yes"],
        ExitCode.RELAY_UNREACHABLE,
        "relayUnreachable",
    ),
    "seed at no relay": (["seed", __file__], ExitCode.RELAY_UNREACHABLE, "relayUnreachable"),
    "seed at no tracker": (
        ["seed", __file__, "--tracker", "ws://127.0.0.1:9/announce"],
        ExitCode.FAILED,
        "trackerFailed",
    ),
    "no magnet": (["download", "http://x"], ExitCode.FAILED, "badMagnet"),
    "nobody to ask": (["receive", "7-apple-violin"], ExitCode.USAGE, "usage"),
}


@pytest.mark.parametrize(("arguments", "code", "kind"), FAILURES.values(), ids=FAILURES)
def test_each_failure_has_its_exit_code_and_one_error(
    environment: dict[str, str], arguments: list[str], code: ExitCode, kind: str
) -> None:
    result = filesend(environment, *arguments, "--json")
    assert result.returncode == code, result.stderr
    assert errors_in(result) == [kind]
    assert "Traceback" not in result.stderr


def test_a_code_with_a_relay_that_does_not_answer_names_it(environment: dict[str, str]) -> None:
    for command in (
        ["receive", "7-apple-violin@127.0.0.1:7", "--yes"],
        ["receive", "-", "--yes", "--at", "own"],
        ["send", __file__, "--code", "7-apple-violin@127.0.0.1:7"],
    ):
        result = filesend(
            environment | {"FILESEND_PORT": free_port()},
            *command,
            stdin="7 apple violin@127.0.0.1:7\n",
        )
        assert result.returncode == ExitCode.RELAY_UNREACHABLE, result.stderr
        assert "127.0.0.1:7" in result.stderr


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


def test_a_relay_is_remembered_and_forgotten(environment: dict[str, str]) -> None:
    path = Path(environment["FILESEND_SETTINGS"])
    path.write_text("# mine\nname = 'Ann'  # me\n")
    environment.pop("FILESEND_RELAY")
    saved = filesend(environment, "relay", "--save", "nas.local")
    assert (saved.returncode, saved.stderr) == (ExitCode.DONE, "")
    assert "http://nas.local:8421" in saved.stdout
    assert str(path) in saved.stdout
    said = path.read_text()
    assert "# mine" in said
    assert "# me" in said
    assert 'relay = "http://nas.local:8421"' in said
    forgotten = filesend(environment, "relay", "--save", "none")
    assert (forgotten.returncode, forgotten.stderr) == (ExitCode.DONE, "")
    assert "relay" not in path.read_text()
    assert "# me" in path.read_text()
    over = filesend(environment | {"FILESEND_RELAY": NOWHERE}, "relay", "--save", "nas.local")
    assert over.returncode == ExitCode.DONE
    assert "FILESEND_RELAY" in over.stderr


def test_without_json_an_error_is_two_sentences(environment: dict[str, str]) -> None:
    result = filesend(environment, "send", __file__)
    assert result.stdout == ""
    first, second = result.stderr.splitlines()[-2:]
    assert re.fullmatch(r"Error: .*127\.0\.0\.1:9.*\.", first)
    assert "relay" in second


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
@pytest.mark.parametrize("command", ["send", "seed"])
def test_what_cannot_be_sent_is_told_before_anybody_is_reached(
    environment: dict[str, str], tmp_path: Path, command: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(12):
        (folder / f"link{number}").symlink_to("nowhere")
    arguments = (command, str(folder), str(tmp_path / "not there"))
    both = filesend(environment, *arguments)
    assert both.returncode == ExitCode.USAGE
    assert "not there" in both.stderr
    told = filesend(environment, *arguments[:2])
    assert told.returncode == ExitCode.FAILED
    said = told.stderr.splitlines()
    assert said[0].startswith("Error: 12 of these cannot be sent, such as ")
    assert sum("is a link that does not lead to a file" in line for line in said[1:]) == 10
    assert said[11] == "  and 2 more"
    assert "--skip-unreadable" in said[12]
    # Nor is the relay asked, which is not there.
    (error,) = [
        line
        for line in map(
            json.loads, filesend(environment, *arguments[:2], "--json").stdout.splitlines()
        )
        if line["event"] == "error"
    ]
    assert error["code"] == "badSource"
    assert error["offenderCount"] == 12
    assert len(error["offenders"]) == 10
    (folder / "good").touch()
    skipped = filesend(environment, *arguments, "--skip-unreadable")
    assert skipped.returncode == ExitCode.RELAY_UNREACHABLE
    assert "13 things are left out:" in skipped.stderr


def test_no_code_on_standard_input(environment: dict[str, str]) -> None:
    result = filesend(environment, "receive", "--yes", "--json", stdin="\n")
    assert result.returncode == ExitCode.PAIRING_FAILED
    assert errors_in(result) == ["invalidCode"]


@pytest.mark.parametrize("typed", ["banana", "7", "7-only", "apple-violin"])
def test_what_is_no_code(environment: dict[str, str], relay_url: str, typed: str) -> None:
    result = filesend(environment, "receive", "--yes", "--json", "--relay", relay_url, stdin=typed)
    assert result.returncode == ExitCode.PAIRING_FAILED
    assert errors_in(result) == ["invalidCode"]


def test_a_code_that_nobody_made(environment: dict[str, str], relay_url: str) -> None:
    environment["FILESEND_RELAY"] = relay_url
    result = filesend(environment, "receive", "--yes", "--json", stdin="7-acid-armchair\n")
    assert result.returncode == ExitCode.PAIRING_FAILED
    assert errors_in(result) == ["unknownCode"]
    assert "armchair" not in result.stdout + result.stderr


def test_options_before_the_command_count(environment: dict[str, str], relay_url: str) -> None:
    result = filesend(environment, "--relay", relay_url, "receive", "7-acid-armchair", "--yes")
    assert result.returncode == ExitCode.PAIRING_FAILED


def test_logs_go_to_a_file(environment: dict[str, str], tmp_path: Path) -> None:
    log = tmp_path / "log"
    result = filesend(environment, "send", __file__, "--log-level", "debug", "--log-file", str(log))
    assert result.returncode == ExitCode.RELAY_UNREACHABLE
    assert "DEBUG" in log.read_text()
    assert "DEBUG" not in result.stderr


def test_a_log_file_that_cannot_be_opened(environment: dict[str, str], tmp_path: Path) -> None:
    result = filesend(environment, "send", __file__, "--log-file", str(tmp_path / "no" / "log"))
    assert result.returncode == ExitCode.USAGE
    assert "Traceback" not in result.stderr
    assert "Name a file that you may write to." in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")
def test_the_relay_command_serves_until_terminated(environment: dict[str, str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "filesend_tui", "relay", "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        match = re.fullmatch(r"FileSend relay ready at http://127\.0\.0\.1:(\d+)\n", ready)
        assert match
        socket.create_connection(("127.0.0.1", int(match[1])), timeout=5).close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT) == 0
        assert process.stdout.read() == "", "it says one line and no more"
