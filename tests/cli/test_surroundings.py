"""Where a program is started: without streams, without a home, without a folder, on poor terminals.

It does what it can and says in a line what it cannot.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from filesend_tui.headless.exit_codes import ExitCode
from tests.cli.test_cli import TIMEOUT, environment  # noqa: F401 - a fixture

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such shell")

FILESEND = shlex.join([sys.executable, "-m", "filesend_tui"])


def shell(line: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:  # noqa: F811
    """Run a line of shell in which $F is the program."""
    told = subprocess.run(
        ["sh", "-c", line],
        env=environment | {"F": FILESEND},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert "Traceback" not in told.stdout + told.stderr
    assert "Exception ignored" not in told.stderr
    return told


COMMANDS = {
    "": ExitCode.USAGE,
    "--version": ExitCode.DONE,
    f"send {__file__}": ExitCode.RELAY_UNREACHABLE,
    f"send --json {__file__}": ExitCode.RELAY_UNREACHABLE,
    "receive 7-apple-violin --yes": ExitCode.RELAY_UNREACHABLE,
    "receive --yes": ExitCode.PAIRING_FAILED,
    "receive": ExitCode.USAGE,
    "fly": ExitCode.USAGE,
}


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("command", COMMANDS)
def test_closed_streams(environment: dict[str, str], command: str, closed: str) -> None:  # noqa: F811
    # A pipe that ends where input is not closed.
    told = shell(f": | $F {command} {closed}", environment)
    assert told.returncode == COMMANDS[command], told.stderr
    if "2>" not in closed and "--json" not in command and told.returncode:
        assert told.stderr


def test_nothing_is_printed_into_what_is_opened_later(
    environment: dict[str, str],  # noqa: F811
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    shell(f"$F receive 7-apple-violin --yes --log-file {log} <&- >&- 2>&-", environment)
    assert "Error" not in log.read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        "receive 7-apple-violin --yes -o ~nobody-here",
        "receive 7-apple-violin --yes -o '~nobody-here/x'",
        "receive 7-apple-violin --yes --log-file '~nobody-here'",
        f"send {__file__} --log-file /nowhere/log",
        f"seed {__file__} --tracker 'ws://['",
        f"send {__file__} --ice-server stun:a:99999",
        f"send {__file__} --relay 'http://['",
        f"send {__file__} --upload-limit {'9' * 500}",
    ],
)
def test_a_refusal_is_one_line(environment: dict[str, str], arguments: str) -> None:  # noqa: F811
    told = shell(f"$F {arguments}", environment)
    assert told.returncode == ExitCode.USAGE, told.stderr
    (line,) = told.stderr.splitlines()
    assert line.startswith("Error: --")


@pytest.mark.parametrize("name", ["FILESEND_OUTPUT", "FILESEND_LOG_FILE", "FILESEND_SETTINGS"])
def test_a_home_that_nobody_knows(environment: dict[str, str], name: str) -> None:  # noqa: F811
    environment[name] = "~nobody-here/x"
    told = shell("$F receive 7-apple-violin --yes", environment)
    assert told.returncode == ExitCode.USAGE
    (line,) = told.stderr.splitlines()
    assert line.startswith(f"Error: {name}: ")
    assert "~nobody-here" in line


@pytest.mark.parametrize("command", [c for c in COMMANDS if "send" not in c])
def test_a_folder_that_was_removed(
    environment: dict[str, str],  # noqa: F811
    tmp_path: Path,
    command: str,
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    line = f"cd {gone}; rmdir {gone}; : | $F {command}"
    # Python looks for what it runs there, too.
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    assert shell(line, environment).returncode == COMMANDS[command]
    told = shell(f"mkdir {gone}; cd {gone}; rmdir {gone}; $F receive -y -o x", environment)
    assert told.returncode == ExitCode.FAILED
    assert "x cannot be used" in told.stderr


@pytest.mark.parametrize(
    "surroundings",
    ["env -u HOME", "env HOME=", "env HOME=/dev/null", "env LANG=C LC_ALL=C", "env TERM=dumb"],
)
def test_poor_surroundings(environment: dict[str, str], surroundings: str) -> None:  # noqa: F811
    del environment["FILESEND_SETTINGS"]
    told = shell(f": | {surroundings} $F receive --yes --name Ünïcödé", environment)
    assert told.returncode in (ExitCode.PAIRING_FAILED, ExitCode.FAILED), told.stderr
    assert "Error: " in told.stderr


def test_a_reader_who_has_enough(environment: dict[str, str]) -> None:  # noqa: F811
    for command in ("--help", "send --help", f"send --json {__file__}", "fly 2>&1"):
        told = shell(f"{{ $F {command}; }} | head -c 1", environment)
        assert told.returncode == 0
        assert told.stderr == "" or "127.0.0.1:9" in told.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is full")
@pytest.mark.parametrize("command", ["--version", "--help", f"send --json {__file__}"])
def test_a_disk_that_is_full(environment: dict[str, str], command: str) -> None:  # noqa: F811
    told = shell(f"$F {command} > /dev/full", environment)
    assert told.returncode == ExitCode.FAILED
    (line,) = told.stderr.splitlines()
    assert line.startswith("Error: ")
    assert os.strerror(28) in line
