"""Several processes of one person beside each other, each killed at any time: real ones."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.journal.everything import opened
from tests.journal.samples import ANN, BOB, session, share, transfer

#: Takes commands on standard input, one a line, and answers each in a line.
OTHER = """
import asyncio, json, sys
from pathlib import Path
from filesend_tui.core.events import SessionId
from filesend_tui.core.journal.journal import Journal
from tests.journal.samples import session, share, transfer, word

async def live(folder):
    loop = asyncio.get_running_loop()
    troubles = []
    journal = Journal.open(folder)
    journal.watch(troubles.append)
    await journal.flush()
    print("ready", flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command, *arguments = json.loads(line)
        if command == "save":
            journal.save_session(session(SessionId(arguments[0])))
            for id in arguments[1:]:
                journal.save_transfer(transfer(SessionId(arguments[0]), id))
            answer = await journal.save_share(share("s1")) and not troubles
        elif command == "claim":
            answer = [await journal.claim(SessionId(of), id) for of, id in arguments]
        elif command == "write":
            every = [
                journal.save_transfer(transfer(SessionId(arguments[0]), f"{arguments[1]}-{n}"))
                for n in range(arguments[2])
            ]
            answer = [await each for each in every]
        elif command == "close":
            await journal.close()
            answer = [each.reason for each in troubles]
        else:
            answer = await getattr(journal, command)(*arguments)
        print(json.dumps(answer), flush=True)

asyncio.run(live(Path(sys.argv[1])))
"""


class Other:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def do(self, *command: object) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        return await self.answer()

    async def answer(self) -> Any:
        assert self._process.stdout is not None
        async with asyncio.timeout(30):
            return json.loads(await self._process.stdout.readline())

    def send(self, number: int) -> None:
        self._process.send_signal(number)

    async def kill(self) -> None:
        self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def others(folder: Path, count: int) -> AsyncIterator[list[Other]]:
    """Processes that start at once."""
    processes: list[asyncio.subprocess.Process] = []
    try:
        for _ in range(count):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", OTHER, str(folder)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=Path(__file__).parents[2],
            )
            processes.append(process)
        for process in processes:
            assert process.stdout is not None
            async with asyncio.timeout(60):
                assert await process.stdout.readline() == b"ready\n"
        yield [Other(process) for process in processes]
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
            await process.wait()


@asynccontextmanager
async def other(folder: Path) -> AsyncIterator[Other]:
    async with others(folder, 1) as (one,):
        yield one


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


async def test_what_runs_is_nobody_elses_and_what_was_killed_is_anybodys(folder: Path) -> None:
    async with opened(folder) as (journal, troubles), other(folder) as first:
        assert await first.do("save", ANN, "t1", "t2")
        assert [each.running for each in await journal.unfinished()] == [True] * 3
        assert not await journal.claim(ANN, "t1")
        assert not await journal.claim_session(ANN)
        assert not await journal.claim_share("s1")
        assert not await journal.forget(ANN, "t1")
        assert not await journal.forget_session(ANN)
        assert not await journal.save_session(replace(session(ANN), partner="Eve"))
        assert not await journal.save_transfer(transfer(ANN, "t1"))
        assert await journal.expired() == []
        if os.name != "nt":
            first.send(signal.SIGSTOP)
            assert not await journal.claim(ANN, "t1"), "it is asleep, and may go on"
            first.send(signal.SIGCONT)
        await first.kill()
        assert [each.running for each in await journal.unfinished()] == [False] * 3
        assert await journal.claim(ANN, "t1")
        assert await journal.claim_share("s1")
        found = {each.record.id: each.running for each in await journal.unfinished()}
        assert found == {"t1": True, "t2": False, "s1": True}
        assert await journal.save_transfer(transfer(ANN, "t1"))
        async with other(folder) as second:
            assert await second.do("claim", (ANN, "t2")) == [False], "its session is being used"
            assert await second.do("close") == []
    assert troubles == []


async def test_what_was_ended_in_an_orderly_way_is_anybodys_at_once(folder: Path) -> None:
    async with opened(folder) as (journal, _), other(folder) as first:
        await first.do("save", ANN, "t1")
        assert not await journal.claim(ANN, "t1")
        assert await first.do("close") == []
        assert await journal.claim(ANN, "t1")


async def test_of_several_who_claim_at_once_one_wins(folder: Path) -> None:
    """Each round all claim all that the last round's winners, who were killed, had."""
    # Each transfer has a session of its own, or whoever wins one wins all.
    them = [(f"{number:016}", f"t{number}") for number in range(40)]
    async with other(folder) as first:
        for of, id in them:
            assert await first.do("save", of, id)
        await first.kill()
    for _ in range(5):
        async with others(folder, 3) as several:
            won = await asyncio.gather(*(each.do("claim", *them) for each in several))
            for each, winners in zip(them, zip(*won, strict=True), strict=True):
                assert sum(winners) == 1, (each, winners)


async def test_several_write_at_once_and_nothing_is_lost(folder: Path) -> None:
    many = 60
    async with others(folder, 2) as (one, two), opened(folder) as (journal, troubles):
        mine = [journal.save_transfer(transfer(BOB, f"mine-{n}")) for n in range(many)]
        answers = await asyncio.gather(
            one.do("write", ANN, "one", many), two.do("write", ANN, "two", many), *mine
        )
        assert answers[:2] == [[True] * many] * 2
        assert all(answers[2:])
        assert len(await journal.unfinished()) == 3 * many
        assert [await one.do("close"), await two.do("close")] == [[], []]
        assert troubles == []


async def test_several_start_at_once_on_a_damaged_file_and_one_sets_it_aside(
    folder: Path,
) -> None:
    folder.mkdir(0o700)
    (folder / "journal.sqlite").write_bytes(b"nonsense" * 1000)
    async with others(folder, 3) as several:
        for number, each in enumerate(several):
            assert await each.do("write", ANN, f"n{number}", 3) == [True] * 3
        told = [await each.do("close") for each in several]
    assert sorted(told) == [[], [], ["damaged"]]
    assert len(list(folder.glob("journal.damaged-*"))) == 1
    async with opened(folder) as (journal, _):
        assert len(await journal.unfinished()) == 9


async def test_a_name_that_is_no_holders_leads_to_no_file(folder: Path) -> None:
    async with opened(folder) as (journal, _):
        await journal.save_share(share("s1"))
    (folder / "precious.lock").write_text("mine")
    with sqlite3.connect(folder / "journal.sqlite") as database:
        database.execute("UPDATE share SET holder = '../precious'")
    database.close()
    async with opened(folder) as (journal, _):
        assert await journal.claim_share("s1")
    assert (folder / "precious.lock").read_text() == "mine"
