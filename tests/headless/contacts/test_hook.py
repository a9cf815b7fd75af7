"""The command of a standing receiver: its arguments, its environment, and how it ends."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from filesend_tui.headless.contacts.hook import Arrived, Hook, command_of

SAY = """
import json, os, sys
with open(sys.argv[1], "a") as out:
    facts = {k: v for k, v in os.environ.items() if k.startswith("FILESEND_")}
    out.write(json.dumps([sys.argv[2:], facts]) + "\\n")
"""


def arrived(path: Path) -> Arrived:
    return Arrived(path, path.parent, "Bob", "c0ffee", "7", files=2, size=300)


async def test_it_gets_the_path_by_argument_and_facts_by_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FILESEND_TURN_CREDENTIAL", "secret")
    monkeypatch.setenv("FILESEND_PROXY", "http://me:secret@proxy")
    said = tmp_path / "said"
    hook = Hook((sys.executable, "-c", SAY, str(said), "--flag"))
    path = tmp_path / "-rf $(touch pwned); 'a b'"
    assert await hook.run(arrived(path)) == ""
    arguments, facts = json.loads(said.read_text())
    assert arguments == ["--flag", str(path)]
    told = {
        "FILESEND_FROM": "Bob",
        "FILESEND_CONTACT": "c0ffee",
        "FILESEND_TRANSFER": "7",
        "FILESEND_PATH": str(path),
        "FILESEND_FOLDER": str(tmp_path),
        "FILESEND_FILES": "2",
        "FILESEND_BYTES": "300",
    }
    assert facts | told == facts
    assert "secret" not in repr(facts)
    assert not (tmp_path / "pwned").exists()


async def test_what_goes_wrong_is_told(tmp_path: Path) -> None:
    bad = Hook((sys.executable, "-c", "import sys; sys.exit(3)"))
    assert await bad.run(arrived(tmp_path)) == "it ended with 3"
    gone = Hook((str(tmp_path / "nothing"),))
    assert (await gone.run(arrived(tmp_path))).startswith("it cannot be started")


async def test_two_run_at_once_and_the_rest_wait(tmp_path: Path) -> None:
    # Each says that it began, and ends once it is let go.
    code = """
import os, sys, time
open(os.path.join(sys.argv[1], f"began-{os.getpid()}"), "w").close()
while not os.path.exists(os.path.join(sys.argv[1], "go")): time.sleep(0.02)
"""
    hook = Hook((sys.executable, "-c", code, str(tmp_path)))
    running = [asyncio.create_task(hook.run(arrived(tmp_path / str(n)))) for n in range(4)]
    async with asyncio.timeout(60):
        while len(list(tmp_path.glob("began-*"))) < 2:
            await asyncio.sleep(0.02)
        assert hook._turn.locked()
        (tmp_path / "go").touch()
        assert await asyncio.gather(*running) == [""] * 4
    assert len(list(tmp_path.glob("began-*"))) == 4


async def test_one_that_runs_ends_with_the_receiver(tmp_path: Path) -> None:
    code = "import sys, time; open(sys.argv[1] + '/began', 'w').close(); time.sleep(600)"
    hook = Hook((sys.executable, "-c", code, str(tmp_path)))
    running = asyncio.create_task(hook.run(arrived(tmp_path)))
    async with asyncio.timeout(60):
        while not (tmp_path / "began").exists():
            await asyncio.sleep(0.02)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("   ", id="blanks"),
        pytest.param("echo 'unclosed", id="an open quote"),
        pytest.param("no-such-program-here --x", id="no program"),
        pytest.param("a\0b", id="a zero byte"),
    ],
)
def test_what_is_no_command_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"program|quot"):
        command_of(text)


def test_a_command_is_split_once_and_never_expanded() -> None:
    parts = command_of(f"'{sys.executable}' -c 'print(1)' '$HOME' \"a b\" ; rm *")
    assert parts == (sys.executable, "-c", "print(1)", "$HOME", "a b", ";", "rm", "*")
