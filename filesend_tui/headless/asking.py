"""Questions on the terminal: the code, and a yes or no to a request. No network lives here."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TextIO

from filesend_tui.core.checks import free_space
from filesend_tui.core.errors import FileSendError, InvalidCode
from filesend_tui.core.events import FileRequest, Unfinished
from filesend_tui.core.util.figures import size_text
from filesend_tui.core.util.text import visible
from filesend_tui.headless.narration import file_lines, request_lines, unfinished_words

_MAX_LINE = 64 * 1024


class CannotAsk(FileSendError):
    """A question has to be asked where nobody can answer."""

    code = "usage"
    default_hint = "Say --yes to accept whatever is sent, or run this on a terminal."


class Asker:
    """Asks on stderr and reads answers from standard input, line by line.

    Earlier events are printed above a question: `turn` waits until they are. A daemon thread reads
    the bare descriptor, so that a question can be cancelled, and the interpreter can exit, while
    the thread still waits for input.
    """

    def __init__(self, descriptor: int, prompts: TextIO) -> None:
        self._descriptor = descriptor
        self._prompts = prompts
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._reading = False
        self._left = False
        self.turn: Callable[[], Awaitable[None]] = _at_once

    @classmethod
    def on_standard_input(cls) -> Asker:
        """Return an Asker on the process's own standard input."""
        return cls(0, sys.stderr)

    @property
    def interactive(self) -> bool:
        """Whether standard input is a terminal, so that a person can answer."""
        return not self._left and os.isatty(self._descriptor)

    @property
    def left(self) -> bool:
        """Whether the person is gone for good, with their terminal."""
        return self._left

    def leave(self) -> None:
        """Note that the terminal is gone: what is asked has no answer from now on."""
        self._left = True
        self._lines.put_nowait(None)

    def show(self, text: str) -> None:
        """Print lines on the stream of the questions."""
        lines = map(visible, text.split("\n"))
        print("\n".join(lines), file=self._prompts, flush=True)

    async def ask(self, question: str) -> str | None:
        """Return the next line, or None at the end of input; print the question on a terminal."""
        if self._left:
            return None
        if self.interactive:
            print(question, end=" ", file=self._prompts, flush=True)
        if not self._reading:
            self._reading = True
            loop = asyncio.get_running_loop()
            threading.Thread(target=self._read, args=(loop,), name="stdin", daemon=True).start()
        return await self._lines.get()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        def hand_over(line: str | None) -> None:
            loop.call_soon_threadsafe(self._lines.put_nowait, line)

        pending = b""
        try:
            while chunk := self._chunk():
                *whole, pending = (pending + chunk).split(b"\n")
                for line in whole:
                    hand_over(line.decode(errors="replace").strip())
                if len(pending) > _MAX_LINE:  # too long for any answer
                    break
            if pending:
                hand_over(pending.decode(errors="replace").strip())
            hand_over(None)
        except RuntimeError:
            return  # the event loop ended while the thread was reading

    def _chunk(self) -> bytes:
        try:
            return os.read(self._descriptor, 4096)
        except OSError:  # closed, or the terminal is gone
            return b""


async def ask_code(asker: Asker) -> str:
    """Return the code from the terminal or from one line of standard input.

    Raises:
        InvalidCode: Input ended without one.
    """
    code = await asker.ask("The other person's code:")
    if not code:
        raise InvalidCode("No code was given.")
    return code


async def ask_resume(asker: Asker, left: Sequence[Unfinished]) -> bool:
    """Show what an earlier run did not finish; return whether to go on with it.

    Repeated until the answer is valid; an empty line is a yes, the end of input a no.
    """
    await asker.turn()
    asker.show("\n".join(f"Unfinished: {unfinished_words(each)}" for each in left))
    it = "it" if len(left) == 1 else "them"
    question = f"Go on with {it}, [y]es, or begin a [n]ew transfer? [y]"
    while (answer := await asker.ask(question)) is not None:
        if answer.lower() in ("", "y", "yes"):
            return True
        if answer.lower() in ("n", "no", "new"):
            return False
    return False


async def ask_trust(asker: Asker, whose: str) -> bool:
    """Show whose relay it is; return whether it may be used. Without a terminal it may not."""
    if not asker.interactive:
        return False
    await asker.turn()
    asker.show(f"{whose} They would see when you meet whom, and how much goes, but not what.")
    return await _yes(asker, "Use it, [y]es or [n]o?")


async def ask_match(asker: Asker, partner: str, words: str) -> bool:
    """Show the verification words; return whether the other person has the same ones.

    Repeated until the answer is valid; the end of input is a no.
    """
    await asker.turn()
    asker.show(f"Compare these words with {partner}, by voice or face to face:\n\n  {words}\n")
    return await _yes(asker, "Are they the same on both sides, [y]es or [n]o?")


async def ask_remember(asker: Asker, partner: str) -> bool:
    """Return whether a partner who asks for it is to be remembered. The end of input is a no."""
    await asker.turn()
    asker.show(f"{partner} asks to remember each other: the next time, neither needs a code.")
    return await _yes(asker, f"Remember {partner}, [y]es or [n]o?")


async def ask_approval(
    asker: Asker, request: FileRequest, folder: Path, there: Sequence[str] = ()
) -> tuple[bool, ...]:
    """Return a yes or no for each file of the request; repeat until the answer is valid.

    The files are listed here, so that they are above the question. The end of input is a no to
    everything. there: lines about what is in the folder already.
    """
    count = len(request.files)
    await asker.turn()
    asker.show("\n".join([*request_lines(request), _destination(folder), *there]))
    if request.stream:
        question = "Take it, [y]es or [n]o?"
    else:
        question = "Take [a]ll, [n]one, or numbers such as 1-3,7 ([l]ist them)?"
    while (answer := await asker.ask(question)) is not None:
        if answer.lower() in ("l", "list"):
            asker.show("\n".join(file_lines(request.files)))
        elif (choice := parse_choice(answer, count)) is not None:
            return choice
    return (False,) * count


async def ask_stream(asker: Asker, request: FileRequest) -> bool:
    """Show a request for a stream that goes into a pipe; return whether it is taken.

    Repeated until the answer is valid; the end of input is a no.
    """
    await asker.turn()
    asker.show("\n".join([*request_lines(request), "It goes to standard output, as it comes."]))
    while (answer := await asker.ask("Take it, [y]es or [n]o?")) is not None:
        if (choice := parse_choice(answer, 1)) is not None:
            return choice[0]
    return False


async def _yes(asker: Asker, question: str) -> bool:
    """Ask until the answer is a yes or a no. The end of input is a no."""
    while (answer := await asker.ask(question)) is not None:
        if answer.lower() in ("y", "yes"):
            return True
        if answer.lower() in ("n", "no"):
            return False
    return False


async def _at_once() -> None:
    """Return at once: nothing else prints on the terminal."""


def parse_choice(answer: str, count: int) -> tuple[bool, ...] | None:
    """Return which of `count` numbered files an answer accepts, or None if it is invalid."""
    word = answer.strip().lower()
    if word in ("a", "all", "y", "yes"):
        return (True,) * count
    if word in ("n", "none", "no"):
        return (False,) * count
    accepted = [False] * count
    for part in re.split(r"[,\s]+", word):
        match = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", part)
        if not match:
            return None
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= count:
            return None
        accepted[first - 1 : last] = [True] * (last - first + 1)
    return tuple(accepted)


def _destination(folder: Path) -> str:
    """Return the line about the folder and its free space."""
    folder = folder.absolute()
    return f"They go to {folder} ({size_text(free_space(folder))} free)."
