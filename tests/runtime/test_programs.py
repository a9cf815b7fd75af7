"""runtime/programs.py: how running programs are found, and hear what is wished for."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from filesend_tui.runtime import programs
from filesend_tui.runtime.programs import FOLDER, Card, Program, Wish, obey, running
from tests.waiting import until

#: A program that enters, and does nothing.
PROGRAM = """
import sys, time
from pathlib import Path
from filesend_tui.runtime.programs import Program

Program.enter(Path(sys.argv[1]), "send").show((1, 2))
print("in", flush=True)
time.sleep(600)
"""


class Limited:
    """What has limits, and nothing else."""

    def __init__(self) -> None:
        self.limits: tuple[int | None, int | None] = (None, 5_000)

    def limit(self, *, upload: int | None, download: int | None) -> None:
        self.limits = upload, download


@asynccontextmanager
async def obeying(state: Path, client: Limited) -> AsyncIterator[None]:
    task = asyncio.create_task(obey(state, "send", client))
    await until(lambda: running(state))
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "PERIOD", 0.01)


def files(state: Path) -> list[str]:
    return sorted(path.name for path in (state / FOLDER).iterdir())


async def test_a_wish_is_gone_once_it_is_in_force(tmp_path: Path) -> None:
    client = Limited()
    async with obeying(tmp_path, client):
        (other,) = running(tmp_path)
        assert other.card == Card(pid=os.getpid(), command="send", upload=None, download=5_000)
        wish = other.wish(Wish(upload=9_000))
        await until(lambda: not wish.exists())
        assert client.limits == (9_000, 5_000), "what is not wished for stays"
        now = other.now()
        assert now is not None
        assert now.card == Card(pid=os.getpid(), command="send", upload=9_000, download=5_000)
        wish = other.wish(Wish(download=None))
        await until(lambda: not wish.exists())
        assert client.limits == (9_000, None)
    assert running(tmp_path) == []
    assert other.now() is None
    assert files(tmp_path) == []


async def test_wishes_of_several_all_count(tmp_path: Path) -> None:
    client = Limited()
    async with obeying(tmp_path, client):
        (other,) = running(tmp_path)
        wishes = [other.wish(Wish(upload=9_000)), other.wish(Wish(download=7_000))]
        await until(lambda: not any(each.exists() for each in wishes))
        assert client.limits == (9_000, 7_000)


async def test_limits_that_change_otherwise_are_shown(tmp_path: Path) -> None:
    client = Limited()
    async with obeying(tmp_path, client):
        client.limit(upload=4_000, download=None)
        await until(lambda: running(tmp_path)[0].card.upload == 4_000)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no json",
        b"[]",
        b'{"upload": "fast"}',
        b'{"upload": 0}',
        b'{"download": -1}',
        b'{"upload": 1.5}',
        b'{"upload": true}',
        b" " * 5_000 + b'{"upload": 9000}',
    ],
)
async def test_what_is_no_wish_is_removed_and_changes_nothing(
    tmp_path: Path, content: bytes
) -> None:
    client = Limited()
    async with obeying(tmp_path, client):
        (other,) = running(tmp_path)
        path = other.folder / f"{other.name}.0.wish"
        path.write_bytes(content)
        await until(lambda: not path.exists())
        assert client.limits == (None, 5_000)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_who_was_killed_runs_no_more_and_leaves_nothing(tmp_path: Path) -> None:
    """Its files are removed when the next one starts."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    (other,) = running(tmp_path)
    assert other.card == Card(pid=process.pid, command="send", upload=1, download=2)
    other.wish(Wish(upload=9_000))
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert running(tmp_path) == []
    mine = Program.enter(tmp_path, "receive")
    assert len(files(tmp_path)) == 1
    mine.leave()
    assert files(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="user folders are private there")
async def test_a_folder_where_others_may_write_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER).chmod(0o777)
    with caplog.at_level(logging.WARNING):
        await obey(tmp_path, "send", Limited())
    assert "others may write to" in caplog.text
    assert files(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
async def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / FOLDER).symlink_to(tmp_path / "elsewhere")
    await obey(tmp_path, "send", Limited())
    assert files(tmp_path) == []
