"""headless/asking.py: questions on real pipes and a real terminal."""

from __future__ import annotations

import asyncio
import io
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from filesend_tui.core.errors import InvalidCode
from filesend_tui.core.event_stream import EventStream
from filesend_tui.core.events import (
    Direction,
    Event,
    FileEntry,
    FileRequest,
    Paired,
    SessionId,
    TransferPhase,
    Unfinished,
)
from filesend_tui.headless.asking import (
    Asker,
    ask_approval,
    ask_code,
    ask_match,
    ask_resume,
    parse_choice,
)
from filesend_tui.headless.printers import JsonPrinter, ProgressLines, TextPrinter
from filesend_tui.headless.running import Teller

TIMEOUT = 5


@pytest.mark.parametrize(
    ("answer", "choice"),
    [
        ("a", (True, True, True)),
        (" YES ", (True, True, True)),
        ("n", (False, False, False)),
        ("none", (False, False, False)),
        ("1", (True, False, False)),
        ("2-3", (False, True, True)),
        ("1, 3", (True, False, True)),
        ("1 3", (True, False, True)),
        ("1-2,2-3", (True, True, True)),
        ("", None),
        ("0", None),
        ("4", None),
        ("3-2", None),
        ("1-", None),
        ("maybe", None),
        ("1,,2", (True, True, False)),
        ("99999999999", None),
    ],
)
def test_choices(answer: str, choice: tuple[bool, ...] | None) -> None:
    assert parse_choice(answer, 3) == choice


LEFT = Unfinished(
    session=SessionId("a" * 16),
    transfer="t",
    direction=Direction.SEND,
    phase=TransferPhase.TRANSFERRING,
    partner="Ann",
    name="film.mkv",
    count=1,
    total_bytes=812_000_000,
    relay="http://127.0.0.1:8421",
    updated=0.0,
)


class Piped:
    """An Asker whose other end the test holds."""

    def __init__(self) -> None:
        reading, self.writing = os.pipe()
        self.prompts = io.StringIO()
        self.asker = Asker(reading, self.prompts)
        self._reading = reading

    def type(self, text: str) -> None:
        os.write(self.writing, text.encode())

    def end(self) -> None:
        os.close(self.writing)
        self.writing = -1

    def close(self) -> None:
        if self.writing >= 0:
            os.close(self.writing)


@pytest.fixture
def piped() -> Iterator[Piped]:
    piped = Piped()
    yield piped
    piped.close()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("\n", True), ("y\n", True), ("n\n", False), ("what\nNew\n", False), ("", False)],
)
async def test_whether_to_go_on(piped: Piped, typed: str, meant: bool) -> None:
    piped.type(typed)
    piped.end()
    assert await ask_resume(piped.asker, [LEFT]) is meant
    assert "Unfinished: film.mkv (1 file, 812 MB) to Ann" in piped.prompts.getvalue()


def request(count: int = 3) -> FileRequest:
    return FileRequest(
        transfer="a",
        direction=Direction.RECEIVE,
        partner="P",
        files=tuple(FileEntry(path=f"file{i}", size=i) for i in range(count)),
        total_bytes=count,
    )


async def test_a_code_is_one_line(piped: Piped) -> None:
    piped.type(" 7-apple-violin \nand more\n")
    assert await asyncio.wait_for(ask_code(piped.asker), TIMEOUT) == "7-apple-violin"
    assert piped.prompts.getvalue() == "", "nobody is there to see a question"


async def test_a_code_without_a_line_end(piped: Piped) -> None:
    piped.type("7-apple-violin")
    piped.end()
    assert await asyncio.wait_for(ask_code(piped.asker), TIMEOUT) == "7-apple-violin"


async def test_no_code_is_an_error(piped: Piped) -> None:
    piped.end()
    with pytest.raises(InvalidCode):
        await asyncio.wait_for(ask_code(piped.asker), TIMEOUT)


async def test_an_endless_line_is_not_read_to_its_end(piped: Piped) -> None:
    answering = asyncio.create_task(piped.asker.ask("?"))
    await asyncio.to_thread(piped.type, "9" * 80_000)
    answer = await asyncio.wait_for(answering, TIMEOUT)
    assert answer is not None
    assert len(answer) < 100_000


async def test_approval_asks_until_it_understands(piped: Piped, tmp_path: Path) -> None:
    piped.type("perhaps\nl\n1,3\n")
    answer = ask_approval(piped.asker, request(), tmp_path / "new")
    assert await asyncio.wait_for(answer, TIMEOUT) == (True, False, True)
    said = piped.prompts.getvalue()
    assert str(tmp_path / "new") in said
    assert "free" in said
    assert said.count("file2") == 2, "the files are listed before the question, and by l"
    assert said.startswith("P wants to send 3 files")


async def test_a_question_stands_below_what_happened_before_it(
    piped: Piped, tmp_path: Path
) -> None:
    """However slow the terminal is, on which both are written."""
    ready = threading.Event()

    class SlowPrinter(TextPrinter):
        def show(self, event: Event) -> None:
            ready.wait(TIMEOUT)
            super().show(event)

    printer = SlowPrinter(piped.prompts, piped.prompts, ProgressLines(piped.prompts), asked=True)
    stream, teller = EventStream(), Teller(printer)
    piped.asker.turn = teller.caught_up
    telling = asyncio.create_task(teller.tell_all(stream.subscribe()))
    await asyncio.sleep(0)
    stream.publish(Paired(partner="P"))
    stream.publish(request())
    asking = asyncio.create_task(ask_approval(piped.asker, request(), tmp_path))
    for _ in range(10):
        await asyncio.sleep(0)
    ready.set()
    piped.type("a\n")
    assert await asyncio.wait_for(asking, TIMEOUT) == (True, True, True)
    said = piped.prompts.getvalue()
    assert said.startswith("Paired with P.\nP wants to send 3 files")
    stream.close()
    await asyncio.wait_for(telling, TIMEOUT)
    await teller.caught_up()  # there is nothing to wait for any more


async def test_who_tells_has_the_printer_look_at_what_it_shows() -> None:
    looked = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Looking(JsonPrinter):
        def look(self) -> None:
            loop.call_soon_threadsafe(looked.set)

    stream, teller = EventStream(), Teller(Looking(io.BytesIO()))
    telling = asyncio.create_task(teller.tell_all(stream.subscribe()))
    await asyncio.wait_for(looked.wait(), TIMEOUT)
    stream.close()
    await asyncio.wait_for(telling, TIMEOUT)


async def test_the_end_of_input_declines(piped: Piped, tmp_path: Path) -> None:
    piped.end()
    answer = ask_approval(piped.asker, request(), tmp_path)
    assert await asyncio.wait_for(answer, TIMEOUT) == (False, False, False)


@pytest.mark.parametrize(
    ("typed", "same"), [("yes\n", True), ("what\n\nY\n", True), ("n\n", False), ("", False)]
)
async def test_words_are_compared(typed: str, same: bool, piped: Piped) -> None:
    piped.type(typed)
    piped.end()
    assert await asyncio.wait_for(ask_match(piped.asker, "Ann", "one two three"), TIMEOUT) is same
    assert "Ann" in piped.prompts.getvalue()
    assert "one two three" in piped.prompts.getvalue()


async def test_a_question_can_be_given_up(piped: Piped) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(piped.asker.ask("?"), 0.05)
    piped.type("late\n")
    assert await asyncio.wait_for(piped.asker.ask("?"), TIMEOUT) == "late"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals like these")
async def test_a_person_is_shown_the_question() -> None:
    master, terminal = os.openpty()
    prompts = io.StringIO()
    try:
        asker = Asker(terminal, prompts)
        assert asker.interactive
        os.write(master, b"7-apple-violin\n")
        assert await asyncio.wait_for(ask_code(asker), TIMEOUT) == "7-apple-violin"
        assert prompts.getvalue().startswith("The other person's code:")
    finally:
        os.close(master)
        os.close(terminal)


async def test_who_is_gone_has_no_answer() -> None:
    """The terminal went away while a question was open, and before the next one."""
    read, write = os.pipe()
    asker = Asker(read, io.StringIO())
    asking = asyncio.create_task(asker.ask("?"))
    await asyncio.sleep(0)
    asker.leave()
    assert await asyncio.wait_for(asking, TIMEOUT) is None
    os.write(write, b"a\n")
    assert await asyncio.wait_for(asker.ask("?"), TIMEOUT) is None
    os.close(write)
