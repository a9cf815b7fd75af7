"""`filesend resume` and `forget` where nothing is unfinished, or another process is at it."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from filesend_tui.core.events import Direction, SessionId, TransferPhase
from filesend_tui.core.journal.journal import Journal
from filesend_tui.headless.exit_codes import ExitCode
from relay.protocol.words import FileRequest, OfferedFile
from tests.cli.test_cli import environment, filesend  # noqa: F401 - a fixture
from tests.journal.everything import closed
from tests.journal.samples import ANN, BOB, session, transfer
from tests.journal.test_processes import Other, other

ANNS, BOBS = "a1" * 8, "b2" * 8


class Place:
    """The state folder of somebody, and what their commands say.

    pid: of another process of theirs.
    """

    def __init__(self, environment: dict[str, str], other: Other) -> None:  # noqa: F811
        self._environment = environment
        self.folder = Path(environment["FILESEND_STATE"])
        self.other = other
        self.pid = other._process.pid

    async def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(filesend, self._environment, *arguments)

    async def left(self) -> set[str]:
        """The ids of what is unfinished."""
        told = await self.run("resume", "--list", "--json")
        return {each["transfer"] for each in of("unfinished", told)}

    async def keep(self, of: SessionId, id: str, **more: Any) -> None:
        journal = Journal.open(self.folder)
        journal.save_session(session(of))
        files = [OfferedFile(path=f"{id}.bin", size=1000)]
        request = msgspec.msgpack.encode(FileRequest(id=id, files=files))
        journal.save_transfer(transfer(of, id, request=request, accepted=None, **more))
        await closed(journal)

    async def hold(self, of: SessionId, id: str) -> None:
        """Have the other process at it."""
        assert await self.other.do("claim", (of, id)) == [True]


@pytest.fixture
async def place(environment: dict[str, str]) -> AsyncIterator[Place]:  # noqa: F811
    async with other(Path(environment["FILESEND_STATE"])) as process:
        yield Place(environment, process)


def of(kind: str, told: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """The events of a kind; each line of standard output is one."""
    events = [json.loads(line) for line in told.stdout.splitlines()]
    return [each for each in events if each["event"] == kind]


@pytest.mark.parametrize("command", [["resume"], ["resume", "--list"], ["forget", "--all"]])
def test_nothing_is_unfinished(
    environment: dict[str, str],  # noqa: F811
    command: Sequence[str],
) -> None:
    told = filesend(environment, *command)
    assert (told.returncode, told.stdout) == (ExitCode.DONE, "")
    assert told.stderr == "Nothing is unfinished.\n"
    told = filesend(environment, *command, "--json")
    assert (told.returncode, told.stderr) == (ExitCode.DONE, "")
    assert {json.loads(line)["event"] for line in told.stdout.splitlines()} == {"clientDestroyed"}


@pytest.mark.parametrize("command", [["resume"], ["resume", "--list"], ["forget", "--all"]])
def test_where_that_is_not_known_it_is_not_said(
    environment: dict[str, str],  # noqa: F811
    command: Sequence[str],
) -> None:
    Path(environment["FILESEND_STATE"]).write_text("no folder")
    told = filesend(environment, *command)
    assert "cannot be used" in told.stderr
    assert "Nothing is unfinished" not in told.stderr


@pytest.mark.parametrize(
    "command",
    [["resume"], ["resume", ANNS], ["forget", ANNS[:4]], ["forget", "--all"]],
    ids=" ".join,
)
async def test_what_another_process_is_at_is_told_with_that_process(
    place: Place, command: Sequence[str]
) -> None:
    await place.keep(ANN, ANNS)
    await place.hold(ANN, ANNS)
    told = await place.run(*command)
    assert (told.returncode, told.stdout) == (ExitCode.FAILED, "")
    assert f"{ANNS}.bin to Ann is under way in process {place.pid}." in told.stderr
    assert "End that process, or wait until it is done." in told.stderr
    told = await place.run(*command, "--json")
    assert (told.returncode, told.stderr) == (ExitCode.FAILED, "")
    (error,) = of("error", told)
    assert error["code"] == "underWay"
    assert await place.left() == {ANNS}


async def test_of_all_it_is_left_out_and_named(place: Place) -> None:
    await place.keep(ANN, ANNS)
    await place.keep(BOB, BOBS)
    await place.hold(ANN, ANNS)
    told = await place.run("forget", BOBS, ANNS)
    assert told.returncode == ExitCode.FAILED
    assert await place.left() == {ANNS, BOBS}, "all that is named, or none"
    told = await place.run("forget", "--all", "--json")
    assert (told.returncode, told.stderr) == (ExitCode.DONE, "")
    (left_out,) = of("unfinished", told)
    assert (left_out["transfer"], left_out["pid"]) == (ANNS, place.pid)
    assert [each["transfer"] for each in of("forgotten", told)] == [BOBS]
    await place.keep(BOB, BOBS)
    told = await place.run("forget", "--all")
    assert (told.returncode, told.stdout) == (ExitCode.DONE, "")
    assert f"it is under way, in process {place.pid}" in told.stderr
    assert "End that process, or wait until it is done." in told.stderr
    assert f"filesend resume {ANNS}" not in told.stderr
    assert await place.left() == {ANNS}


async def test_requests_that_nobody_can_be_asked_about_are_left_out_and_named(
    place: Place,
) -> None:
    asked = {"direction": Direction.RECEIVE, "phase": TransferPhase.ASKED, "folder": None}
    await place.keep(ANN, ANNS, **asked)
    told = await place.run("resume")
    assert (told.returncode, told.stdout) == (ExitCode.DONE, "")
    assert f"Unfinished: {ANNS}.bin (1 file, 1 kB) from Ann" in told.stderr
    assert f"filesend resume {ANNS}, on a terminal, asks whether to take it." in told.stderr
    told = await place.run("resume", "--json")
    assert (told.returncode, told.stderr) == (ExitCode.DONE, "")
    assert [each["transfer"] for each in of("unfinished", told)] == [ANNS]
    told = await place.run("resume", ANNS)
    assert told.returncode == ExitCode.USAGE
    assert f"{ANNS}.bin from Ann is a request that nobody can be asked about here." in told.stderr
    assert "Run this on a terminal, or forget it." in told.stderr
    assert await place.left() == {ANNS}


async def test_both_sides_of_a_transfer_have_one_id_and_are_forgotten_together(
    place: Place,
) -> None:
    """Of two people who share a state folder."""
    await place.keep(ANN, ANNS)
    await place.keep(BOB, ANNS, direction=Direction.RECEIVE)
    await place.hold(ANN, ANNS)
    told = await place.run("forget", ANNS, "--json")
    assert [each["code"] for each in of("error", told)] == ["underWay"]
    assert of("forgotten", told) == []
    await place.other.kill()
    told = await place.run("forget", ANNS, "--json")
    assert (told.returncode, len(of("forgotten", told))) == (ExitCode.DONE, 2)
    assert await place.left() == set()
