"""Work beside the event loop: real threads, and a real end of a program."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from filesend_tui.system.daemon_threads import DaemonThreads, Stuck
from tests.waiting import until

#: A program that looks at a disk which never answers, and has had enough of it.
HUNG = """
import asyncio, threading
from filesend_tui.system.daemon_threads import DaemonThreads
from tests.waiting import until
from tests.waiting import until

async def main():
    try:
        await asyncio.wait_for(DaemonThreads().run(threading.Event().wait), 0.05)
    except TimeoutError:
        print("over")

asyncio.run(main())
"""


async def test_what_comes_of_it_comes_back() -> None:
    beside = DaemonThreads()
    assert await beside.run(divmod, 7, 2) == (3, 1)
    assert await beside.run(threading.current_thread) is not threading.current_thread()
    with pytest.raises(FileNotFoundError):
        await beside.run(open, "/nowhere/at/all")


async def test_only_so_many_wait_for_a_disk_and_then_it_is_told() -> None:
    beside, answers = DaemonThreads(2), threading.Event()
    waiting = [asyncio.create_task(beside.run(answers.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Stuck, match="does not answer"):
        await beside.run(int)
    waiting[0].cancel()  # nobody waits for it any more, and its thread still does
    with pytest.raises(asyncio.CancelledError):
        await waiting[0]
    with pytest.raises(Stuck):
        await beside.run(int)
    answers.set()
    assert await waiting[1] is True
    await until(lambda: not beside._running, 20)
    assert await beside.run(int) == 0


async def test_a_path_that_does_not_answer_is_asked_once() -> None:
    beside, answers, asked = DaemonThreads(2), threading.Event(), []

    def work(path: str) -> str:
        asked.append(path)
        answers.wait(20)
        if path == "bad":
            raise FileNotFoundError(path)
        return path

    for _ in range(5):
        for path in ("good", "bad"):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(beside.look(work, path), 0.01)
    assert sorted(asked) == ["bad", "good"]
    answers.set()
    assert await beside.look(work, "good") == "good"
    with pytest.raises(FileNotFoundError):
        await beside.look(work, "bad")


def test_a_disk_that_never_answers_does_not_keep_a_program_from_its_end() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HUNG], capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout == "over\n"
    assert ended.stderr == ""
