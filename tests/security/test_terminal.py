"""Text from strangers on the terminal: in the screens, in plain lines, in JSON and in errors."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App
from textual.content import Content

from filesend_tui.core import events
from filesend_tui.core.errors import FileSendError, StorageFailed
from filesend_tui.core.events import Direction, FileEntry, TransferPhase
from filesend_tui.core.exchange.table import Exchange, shown_path
from filesend_tui.core.exchange.values import PartnerCancelled, Publish
from filesend_tui.core.sessions.session import partner_name
from filesend_tui.core.torrent.sources.create import scan
from filesend_tui.headless.asking import Asker, ask_approval
from filesend_tui.headless.narration import lines
from filesend_tui.headless.printers import JsonPrinter, ProgressLines, TextPrinter
from filesend_tui.screens.boxes.approval import ApprovalScreen
from filesend_tui.widgets.picker.glimpse import glimpse
from relay.protocol.words import Cancel, OfferedFile
from tests.security.hostile_text import TEXTS, faults
from tests.tui.conftest import disk, home, stage
from tests.tui.moments import asked, paired, phase, receiving
from tests.tui.scripted import Stage

__all__ = ["disk", "home", "stage"]  # fixtures

every_text = pytest.mark.parametrize("text", list(TEXTS.values()), ids=list(TEXTS))


def _request(text: str) -> events.FileRequest:
    """Return what the core makes of a request with such names, from such a person."""
    files = (OfferedFile(path=text, size=1), OfferedFile(path=f"d/{text}.txt", size=2))
    exchange = Exchange("a" * 16, Direction.RECEIVE, partner_name(text), files)
    return next(
        effect.event
        for effect in exchange.open()
        if isinstance(effect, Publish) and isinstance(effect.event, events.FileRequest)
    )


def _events(text: str) -> list[events.Event]:
    """Return events with such a text wherever a stranger's text gets into one."""
    name, path = partner_name(text), shown_path(text)
    request = _request(text)
    exchange = Exchange("b" * 16, Direction.SEND, name, (OfferedFile(path="f", size=1),))
    exchange.open()
    given_up = [
        effect.event
        for effect in exchange.receive(Cancel(id="b" * 16, reason=text[:200]))
        if isinstance(effect, Publish)
    ]
    assert any(isinstance(event, events.TransferState) for event in given_up)
    error = FileSendError(f"The disk failed at {text}.", text)
    return [
        events.Paired(partner=name),
        request,
        *given_up,
        events.Metadata(
            torrent="t",
            name=path,
            files=(FileEntry(path=path, size=1),),
            wanted=(True,),
            total_bytes=1,
        ),
        events.Error(code=error.code, message=error.message, hint=error.hint),
        events.PartnerGone(partner=name, reason="left"),
    ]


# --- the check itself


def test_the_check_can_fail() -> None:
    harmless = {"Rich markup", "Textual markup", "broken markup", "emoji codes", "format fields"}
    harmless |= {"wide", "very long", "family", "private use", "noncharacters", "blank letters"}
    harmless |= {"marks first"}
    for name, text in TEXTS.items():
        assert bool(faults(text)) == (name not in harmless), name


# --- plain lines and JSON


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@every_text
@pytest.mark.parametrize("on_terminal", [True, False])
def test_plain_lines(text: str, on_terminal: bool) -> None:
    out, err = (_Terminal(), _Terminal()) if on_terminal else (io.StringIO(), io.StringIO())
    printer = TextPrinter(out, err, ProgressLines(err))
    for event in _events(text):
        told = err.getvalue()
        printer.show(event)
        new = err.getvalue()[len(told) :]
        # No text makes a line of its own, to pass for one of the program's.
        assert new.count("\n") == len(lines(event))
    assert not faults(err.getvalue(), breaks=True)
    assert not faults(out.getvalue(), breaks=True)


@every_text
def test_json_lines(text: str) -> None:
    out = io.BytesIO()
    printer = JsonPrinter(out)
    shown = _events(text)
    # Also what no event should hold: a path of this machine's own, and a line nobody cleaned.
    shown.append(events.Relay(state="lost", url=text.encode("utf-8", "replace").decode()))
    for event in shown:
        printer.show(event)
    said = out.getvalue().decode()
    assert said.count("\n") == len(shown)
    assert all(char.isprintable() or char == "\n" for char in said)
    assert not faults("".join(c for c in said if c.isascii()), breaks=True)
    read = [json.loads(line) for line in said.splitlines()]
    assert read[-1]["url"] == text.encode("utf-8", "replace").decode()
    assert [line["event"] for line in read[:2]] == ["paired", "fileRequest"]


@given(st.text())
def test_a_json_line_says_what_the_event_says_and_is_printable(text: str) -> None:
    line = events.encode(events.Relay(state="lost", url=text))
    assert line.isprintable()
    assert json.loads(line)["url"] == text


@every_text
async def test_a_question_about_a_request(text: str, tmp_path: Path) -> None:
    out = io.StringIO()
    asker = Asker(0, out)
    answers: Iterator[str | None] = iter(["l", None])

    async def ask(_question: str) -> str | None:
        return next(answers)

    asker.ask = ask  # type: ignore[method-assign, assignment]
    request = _request(text)
    async with asyncio.timeout(5):
        assert not any(await ask_approval(asker, request, tmp_path / "a\x1b]0;x\x07b"))
    assert not faults(out.getvalue(), breaks=True)
    # The list, the folder, and the list again.
    assert out.getvalue().count("\n") == 3 + 1 + 2


@every_text
def test_errors_steer_nothing_and_can_be_said_in_json(text: str) -> None:
    error = StorageFailed(f"It failed: {text}", text)
    for said in (str(error), repr(error), error.message, error.hint):
        assert not faults(said)
    events.encode(events.Error(code=error.code, message=error.message, hint=error.hint))


def test_an_error_about_a_file_of_ones_own_with_a_strangers_name(tmp_path: Path) -> None:
    place = tmp_path / "d" / "a\x1b]0;owned\x07\u202e"
    place.parent.mkdir()
    try:
        place.symlink_to("nowhere")
    except OSError:
        pytest.skip("this file system has no such names")
    with pytest.raises(FileSendError) as caught:
        scan([tmp_path / "d"])
    assert "]0;owned" in caught.value.message
    assert not faults(caught.value.message)


@every_text
def test_log_lines(text: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        _events(text)
        exchange = Exchange("c" * 16, Direction.RECEIVE, partner_name(text), ())
        exchange.step(PartnerCancelled("x"))
    assert not caplog.records


# --- the screens


def screen_text(app: App[None]) -> list[str]:
    """Return what is on the screen, a string a line."""
    return [strip.text for strip in app.screen._compositor.render_strips()]


def _is_harmless(stage: Stage, size: tuple[int, int]) -> str:
    drawn = screen_text(stage.app)
    assert len(drawn) == size[1]
    assert not faults("\n".join(drawn), breaks=True, cut=True)
    return "\n".join(drawn)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_the_screens(size: tuple[int, int], stage: Stage) -> None:
    async with stage.app.run_test(size=size, notifications=True) as pilot:
        await stage.settle(pilot)
        for number, (kind, text) in enumerate(TEXTS.items()):
            request, name = _request(text), partner_name(text)
            asking, going = f"a{number}", f"g{number}"
            reason = FileSendError(text[:5000]).message[:200]
            await stage.play(pilot, paired(name))
            await stage.play(pilot, *asked(asking, request.files, partner=name))
            _is_harmless(stage, size)
            await pilot.press("f2")
            await stage.settle(pilot)
            assert isinstance(stage.app.screen, ApprovalScreen), kind
            _is_harmless(stage, size)
            await stage.play(
                pilot,
                phase(asking, TransferPhase.CANCELLED, reason=reason),
                events.Message(partner=name, text=FileSendError(text[:4000]).message),
                *receiving(going, request.files),
                phase(going, TransferPhase.FAILED, reason=reason),
                events.Error(code="storageFailed", message=FileSendError(text).message, hint=""),
            )
            _is_harmless(stage, size)
            assert not stage.app._exit, f"{kind} ran an action"


async def test_a_folder_of_ones_own_with_strangers_names(stage: Stage, home: Path) -> None:
    """What was unpacked here from somebody's archive is picked, walked into and dropped."""
    folder = home / "Aa\x1b]0;owned\x07[@click=app.quit]\u202e"
    file = folder / "f\x1b[2J\x9b31m\u202egpj.exe"
    try:
        folder.mkdir()
        file.write_text("x")
    except OSError:
        pytest.skip("this file system has no such names")
    async with stage.app.run_test(size=(80, 24)) as pilot:
        await stage.settle(pilot)
        await pilot.press("s")
        await stage.settle(pilot)
        for key in ("home", "space", "home", "enter", "home", "space"):
            await pilot.press(key)
            await stage.settle(pilot)
            drawn = _is_harmless(stage, (80, 24))
            assert "Aa]0;owned[@click=app.quit]" in drawn
        assert "gpj.exe" in drawn
        folder.rename(home / "away")
        await pilot.press("enter")
        await stage.settle(pilot)
        _is_harmless(stage, (80, 24))


async def test_a_preview_of_a_strangers_file(stage: Stage, home: Path) -> None:
    """What came from somebody is looked at before it is passed on: its text, and where it leads."""
    evil = "\x1b]0;owned\x07\x9b31m\u202e[@click=app.quit]x[/]\u200b\x1b[2J"
    (home / "a.txt").write_text(f"{evil}\n" * 50, encoding="utf-8")
    (home / "b.txt").write_bytes(evil.encode("utf-16"))
    if os.name != "nt":
        (home / "c").symlink_to(evil)
        (home / "d").mkdir()
        (home / "d" / evil.replace("/", "")).touch()
    size = (120, 40)
    async with stage.app.run_test(size=size) as pilot:
        await stage.settle(pilot)
        await pilot.press("s", "end")
        await stage.settle(pilot)
        seen = ""
        for _ in range(12):
            await pilot.press("up")
            await stage.settle(pilot)
            seen += _is_harmless(stage, size)
            assert not stage.app._exit
        assert "]0;owned31m[@click=app.quit]x[/][2J" in seen
    for name in ("a.txt", "b.txt"):
        assert "]0;owned31m[@click=app.quit]x[/][2J" in glimpse(str(home / name)).lines


async def test_markup_in_names_is_shown_as_it_is(stage: Stage) -> None:
    text = "[@click=app.quit]yes[/]"
    request = _request(text)
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired(request.partner))
        await stage.play(pilot, *asked("r1", request.files, partner=request.partner))
        assert f"{text} asks: 2 files" in _is_harmless(stage, (120, 40))
        await pilot.press("f2")
        await stage.settle(pilot)
        drawn = _is_harmless(stage, (120, 40))
        assert f"{text} wants to send you 2 files" in drawn
        assert "  ▾ [@click=app.quit]yes[/ " in drawn  # the slash in it makes a folder of this
        assert "  ].txt " in drawn
        assert Content(text).plain == text
