"""Somebody at the keys who knows nothing: moves, and what they must never bring about.

How many, and whether they were found or drawn by chance, is the tests'.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from textual import events
from textual.app import App
from textual.pilot import OutOfBounds, Pilot

#: Ctrl+Z is not among them: it would stop whoever tests.
KEYS = (
    *"abcdefghijklmnopqrstuvwxyz0123456789",
    *("space", "enter", "escape", "tab", "shift+tab", "backspace", "delete"),
    *("up", "down", "left", "right", "home", "end", "pageup", "pagedown"),
    *("question_mark", "slash", "minus", "full_stop", "tilde", "upper_a", "upper_g", "asterisk"),
    *(f"f{number}" for number in range(1, 13)),
    *(f"ctrl+{letter}" for letter in "abcdefghknopqrstuvwx"),
)
PASTES = (
    *("", " ", "\n", "4711-apple-violin", "Code: 12-acorn-acid\r\n", "7-", "hello there"),
    *("/", "~", "~nobody/x", "/nowhere at all", "'/tmp' '/etc'", "file:///tmp/a%20b", "\x1b[31m"),
    *("a" * 5000, "日本語 🦊👩‍👩‍👧 \u202e", "\x00", "~" * 300, "-" * 40),
)
SIZES = ((1, 1), (2, 1), (9, 4), (20, 6), (40, 12), (60, 18), (80, 24), (120, 40), (300, 100))


@dataclass(frozen=True)
class Key:
    """A key is pressed."""

    name: str


@dataclass(frozen=True)
class Paste:
    """A text is pasted or dropped."""

    text: str


@dataclass(frozen=True)
class Resize:
    """The terminal gets another size."""

    width: int
    height: int


@dataclass(frozen=True)
class Click:
    """The mouse is pressed at a place, given as fractions of the screen; `times` in a row."""

    x: float
    y: float
    times: int = 1


@dataclass(frozen=True)
class Wheel:
    """The mouse's wheel is turned there."""

    x: float
    y: float
    down: bool


Move = Key | Paste | Resize | Click | Wheel


def is_question(app: App[None]) -> bool:
    """Whether a question stands to which a yes may end something: it is never given here."""
    return type(app.screen).__module__.endswith(".confirm")


async def make(pilot: Pilot[None], move: Move) -> None:
    """Make a move, or say no to the question that stands instead; wait until it was dealt with."""
    app = pilot.app
    if is_question(app) and not isinstance(move, Resize):
        await pilot.press("escape")
        return
    match move:
        case Key(name):
            await pilot.press(name)
        case Paste(text):
            app.post_message(events.Paste(text))
        case Resize(width, height):
            await pilot.resize_terminal(width, height)
        case Click(x, y, times):
            with suppress(OutOfBounds):
                await pilot.click(offset=_place(app, x, y))
                await pilot.pause()
                if times > 1 and not is_question(app):  # else it would be the answer
                    await pilot.click(offset=_place(app, x, y), times=times)
        case Wheel(x, y, down):
            column, row = _place(app, x, y)
            kind = events.MouseScrollDown if down else events.MouseScrollUp
            app.post_message(
                kind(
                    widget=None,
                    x=column,
                    y=row,
                    delta_x=0,
                    delta_y=1 if down else -1,
                    button=0,
                    shift=False,
                    meta=False,
                    ctrl=False,
                    screen_x=column,
                    screen_y=row,
                )
            )
    await pilot.pause()


def _place(app: App[None], x: float, y: float) -> tuple[int, int]:
    return int(x * max(0, app.size.width - 1)), int(y * max(0, app.size.height - 1))


class _Faults(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(self.format(record))


@contextmanager
def nothing_raised() -> Iterator[None]:
    """Fail where anything was logged as a fault, whoever lived on with it."""
    faults = _Faults()
    root = logging.getLogger()
    root.addHandler(faults)
    try:
        yield
    finally:
        root.removeHandler(faults)
    assert not faults.said, "\n".join(faults.said)
