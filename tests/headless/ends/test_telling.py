"""A run that tells its terminal, beside what it prints; and one that must not."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from filesend_tui.cli import compose
from filesend_tui.core import events as e
from filesend_tui.core.events import Direction, FileEntry, TransferPhase
from filesend_tui.headless.ends.telling import TellingPrinter
from filesend_tui.headless.printers import TextPrinter
from filesend_tui.system import telling


class Shown:
    """A Printer that notes events."""

    def __init__(self) -> None:
        self.events: list[e.Event] = []
        self.closed = False

    def show(self, event: e.Event) -> None:
        self.events.append(event)

    def look(self) -> None:
        pass

    def parting(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


def test_news_a_title_and_the_end_of_both() -> None:
    shown, out = Shown(), io.StringIO()
    printer = TellingPrinter(shown, out, {"TERM": "xterm", "WT_SESSION": "x"}, lambda: 0.0)
    asked = e.FileRequest(
        transfer="t",
        direction=Direction.RECEIVE,
        partner="A\x1b]0;x\a",
        files=(FileEntry(path="a", size=1),),
        total_bytes=1,
    )
    printer.show(asked)
    assert shown.events == [asked]
    assert "FileSend: A ]0,x  wants to send you a\a" in out.getvalue()
    printer.show(
        e.Download(
            torrent="",
            transfer="t",
            downloaded="1 B",
            download_speed="1 B/s",
            progress=0.42,
            downloaded_bytes=1,
            download_bytes_per_second=1.0,
        )
    )
    assert f"{telling.KEEP_TITLE}\x1b]2;42% Receiving — FileSend\a\x1b]9;4;1;42\a" in out.getvalue()
    printer.show(
        e.TransferState(transfer="t", direction=Direction.RECEIVE, phase=TransferPhase.DONE)
    )
    assert out.getvalue().endswith("\x1b]2;FileSend\a\x1b]9;4;0\a")
    printer.close()
    assert shown.closed
    assert out.getvalue().endswith(telling.GIVE_TITLE_BACK)


class Stream(io.StringIO):
    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize(
    ("how", "terminal", "term", "tells"),
    [
        ({}, True, "xterm", True),
        ({"tells": False}, True, "xterm", False),
        ({"piped": True}, True, "xterm", False),
        ({}, False, "xterm", False),
        ({}, True, "dumb", False),
    ],
    ids=["terminal", "off", "stream", "pipe", "dumb"],
)
def test_only_a_terminal_is_told(
    monkeypatch: pytest.MonkeyPatch, how: dict[str, Any], terminal: bool, term: str, tells: bool
) -> None:
    monkeypatch.setattr(sys, "stderr", Stream(terminal))
    monkeypatch.setenv("TERM", term)
    usual = {"json": False, "asked": False, "lists": False, "sharing": None, "piped": False}
    printer = compose._printer(**{**usual, "tells": True, **how})
    assert isinstance(printer, TellingPrinter if tells else TextPrinter)
