"""headless/running.py and signals.py in a process of their own: how a run ends that was told to."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from filesend_tui.headless.exit_codes import ExitCode

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")

#: A run whose parting never ends; or one that has ended, of a process that has not.
PROGRAM = """
import asyncio, io, sys, time
from pathlib import Path
from filesend_tui.core.client import Client
from filesend_tui.core.config import ClientConfig
from filesend_tui.headless import running
from filesend_tui.headless.printers import JsonPrinter

how = sys.argv[1]
running.PARTING = 0.5
running.CLOSING = 600 if how == "asked while it closes" else 0.5

async def hang(self):
    print("parting", flush=True)
    await asyncio.sleep(600)

async def work(client):
    print("working", flush=True)
    await asyncio.sleep(600 if how == "interrupted" else 0)

if how != "over":
    Client.destroy = hang
code = running.run(work, ClientConfig(output=Path()), JsonPrinter(io.BytesIO()))
print("over", flush=True)
time.sleep(600 if how == "over" else 0)
"""


def started(how: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, how],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    while (said := process.stdout.readline().strip()) != line:
        assert said, f"it ended without {line!r}"


@pytest.mark.parametrize(
    ("how", "after", "code"),
    [
        ("interrupted", "working", ExitCode.INTERRUPTED),
        ("done", "", ExitCode.DONE),
        ("asked while it closes", "parting", ExitCode.DONE),
        ("over", "over", ExitCode.INTERRUPTED),
    ],
)
def test_it_ends_whatever_its_parting_waits_for(how: str, after: str, code: ExitCode) -> None:
    """An exit code each time, and no death by the signal itself."""
    with started(how) as process:
        if after:
            wait_for(process, after)
            process.send_signal(signal.SIGINT)
        assert process.wait(30) == code
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_a_second_signal_waits_for_nothing(tmp_path: Path) -> None:
    with started("interrupted") as process:
        wait_for(process, "working")
        process.send_signal(signal.SIGINT)
        wait_for(process, "parting")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == ExitCode.INTERRUPTED
