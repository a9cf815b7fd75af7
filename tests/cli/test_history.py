"""`filesend history`: what people and scripts read of it, and how it goes away."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from filesend_tui.core.events import Direction, History, Result
from filesend_tui.core.journal.journal import Journal
from filesend_tui.headless.exit_codes import ExitCode
from filesend_tui.headless.history import lines
from tests.cli.test_cli import environment, filesend  # noqa: F401 - a fixture
from tests.journal.everything import closed


def entry(number: int, **more: object) -> History:
    fields: dict[str, object] = {
        "transfer": f"{number:016}",
        "direction": Direction.RECEIVE,
        "partner": "Ann",
        "result": Result.DONE,
        "names": (f"film {number}.mkv",),
        "file_count": 1,
        "total_bytes": 4_100_000_000,
        "hash": "c" * 40,
        "url": "file:///home/bob/in%20box/film.mkv",
        "folder": "/home/bob/in box",
        "began": 1.0,
        "ended": 2.0,
        "road": "direct",
    }
    return History(**{**fields, **more})  # type: ignore[arg-type]


@pytest.fixture
def keep(environment: dict[str, str]) -> Callable[..., None]:  # noqa: F811
    """Have these in the history of whoever runs the command."""

    def keeping(*entries: History) -> None:
        async def add() -> None:
            journal = Journal.open(Path(environment["FILESEND_STATE"]))
            for each in entries:
                journal.add_history(each)
            await closed(journal)

        asyncio.run(add())

    return keeping


def recent(number: int) -> History:
    return entry(number, ended=time.time() - 100 + number)


def test_nothing_yet(environment: dict[str, str]) -> None:  # noqa: F811
    told = filesend(environment, "history")
    assert (told.returncode, told.stdout) == (ExitCode.DONE, "")
    assert "Nothing was sent or received yet" in told.stderr
    assert filesend(environment, "history", "--json").stdout == ""


def test_it_is_read_the_newest_last(
    environment: dict[str, str],  # noqa: F811
    keep: Callable[..., None],
) -> None:
    keep(*map(recent, range(5)))
    told = filesend(environment, "history", "-n", "3")
    assert told.returncode == ExitCode.DONE
    read = told.stdout.splitlines()
    assert ["film 2.mkv" in read[0], "film 4.mkv" in read[4]] == [True, True]
    assert "→ /home/bob/in box" in read[1]
    assert told.stderr == ""
    found = [
        json.loads(line) for line in filesend(environment, "history", "--json").stdout.splitlines()
    ]
    assert [each["names"] for each in found] == [[f"film {n}.mkv"] for n in range(5)]
    assert found[0]["event"] == "history"
    assert found[0]["hash"] == "c" * 40
    assert found[0]["totalBytes"] == 4_100_000_000


def test_it_is_deleted(environment: dict[str, str], keep: Callable[..., None]) -> None:  # noqa: F811
    keep(*map(recent, range(3)))
    told = filesend(environment, "history", "--clear")
    assert (told.returncode, told.stdout) == (ExitCode.DONE, "")
    assert "3 entries" in told.stderr
    assert filesend(environment, "history", "--json").stdout == ""


def test_a_journal_that_cannot_be_used_is_told_of(environment: dict[str, str]) -> None:  # noqa: F811
    Path(environment["FILESEND_STATE"]).write_text("no folder")
    told = filesend(environment, "history", "--json")
    assert told.returncode == ExitCode.FAILED
    (line,) = told.stdout.splitlines()
    assert json.loads(line)["reason"] == "unusable"
    told = filesend(environment, "history")
    assert told.returncode == ExitCode.FAILED
    assert "cannot be used" in told.stderr


@pytest.mark.parametrize("count", ["0", "-1", "x", "10001"])
def test_a_count_that_is_none(environment: dict[str, str], count: str) -> None:  # noqa: F811
    assert filesend(environment, "history", "-n", count).returncode == ExitCode.USAGE


def test_each_kind_of_entry_is_a_sentence() -> None:
    (said, where) = lines(entry(1))
    assert "↓ film 1.mkv (4.1 GB) from Ann: done, straight between your machines" in said
    assert where.strip() == "→ /home/bob/in box"
    (said,) = lines(
        entry(
            2,
            direction=Direction.SEND,
            result=Result.FAILED,
            reason="The disk is full.",
            names=("a", "b", "c", "d"),
            file_count=1234,
            url="",
            folder="",
            road="",
        )
    )
    assert said.endswith(
        "↑ a, b and 2 more (1,234 files, 4.1 GB) to Ann: failed: The disk is full."
    )
    (said,) = lines(entry(3, partner="", transfer=None, folder="", url="", total_bytes=0))
    assert "(0 Bytes) from an open swarm" in said
