"""Faults of the screens cost no transfer: they are logged, shown, and everything else goes on."""

from __future__ import annotations

import asyncio
import errno
import io
import logging
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual.app import ComposeResult
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import Input, Static

from filesend_tui.app import FileSendApp
from filesend_tui.core.client import Client
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.events import TransferPhase
from filesend_tui.runtime.local_relay import Ask
from filesend_tui.screens.pair import PairScreen
from filesend_tui.screens.work import WorkScreen
from filesend_tui.steady_app import _INSTEAD, LastingWriter
from filesend_tui.widgets.transfers.rate_graph import RateGraph
from filesend_tui.widgets.transfers.transfer_list import TransferList
from tests.conftest import RunningRelay
from tests.core.test_client import SLOW, Person
from tests.security.test_terminal import screen_text
from tests.torrent.lab import read_tree, write_tree
from tests.tui.moments import arrived, asked, paired, rate, receiving
from tests.tui.scripted import ScriptedPlaces, Stage
from tests.tui.test_app import notice

GOES_ON = "A part of the screen is broken; your transfers go on."


class Broken(Exception):
    """The fault of a test."""


def broken(*_: object, **__: object) -> None:
    raise Broken


class Unlucky(ModalScreen[None]):
    """A screen whose every start fails."""

    def compose(self) -> ComposeResult:
        raise Broken


def in_drawing(stage: Stage, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RateGraph, "draw_line", broken)
    stage.app.screen.query_one(RateGraph).refresh()


def in_drawing_a_widget_of_the_library(stage: Stage, patch: pytest.MonkeyPatch) -> None:
    title = stage.app.screen.query_one("#detail-title", Static)
    patch.setattr(title, "render", broken)
    title.refresh()


def in_measuring(stage: Stage, patch: pytest.MonkeyPatch) -> None:
    title = stage.app.screen.query_one("#detail-title", Static)
    patch.setattr(type(title), "visual", property(broken))
    title.refresh(layout=True)


def in_the_layout(stage: Stage, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(type(stage.app.screen._compositor), "reflow", broken)
    stage.app.screen.refresh(layout=True)


def in_drawing_the_store(stage: Stage, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(WorkScreen, "draw_body", broken)
    stage.client.stream.publish(rate("r1", 5e6, 0.7))


def in_a_key(stage: Stage, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(TransferList, "action_move", broken)
    stage.app.simulate_key("down")


def in_a_timer(stage: Stage, patch: pytest.MonkeyPatch) -> None:
    stage.app.screen.set_timer(0.001, broken)


def in_a_callback(stage: Stage, patch: pytest.MonkeyPatch) -> None:
    stage.app.call_later(broken)
    stage.app.screen.call_after_refresh(broken)


def in_the_store(stage: Stage, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(type(stage.app.store), "apply", broken)
    stage.client.stream.publish(rate("r1", 5e6, 0.7))


def in_a_message_to_a_widget_of_the_library(stage: Stage, patch: pytest.MonkeyPatch) -> None:
    field = stage.app.screen.query(Input).first()
    patch.setattr(type(field), "_on_paste", broken)
    from textual.events import Paste

    field.post_message(Paste("x"))


def in_composing_a_screen(stage: Stage, patch: pytest.MonkeyPatch) -> None:
    stage.app.push_screen(Unlucky())


def in_mounting_a_widget(stage: Stage, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RateGraph, "on_mount", broken, raising=False)
    stage.app.screen.mount(RateGraph())


Way = Callable[[Stage, pytest.MonkeyPatch], None]
WAYS: list[Way] = [
    in_drawing,
    in_drawing_a_widget_of_the_library,
    in_measuring,
    in_the_layout,
    in_drawing_the_store,
    in_a_key,
    in_a_timer,
    in_a_callback,
    in_the_store,
    in_a_message_to_a_widget_of_the_library,
    in_composing_a_screen,
    in_mounting_a_widget,
]


@pytest.fixture
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


async def seen(stage: Stage, pilot: Pilot[None]) -> None:
    """Wait until somebody was told of a fault."""
    async with asyncio.timeout(10):
        while stage.app.store.notice is None or stage.app.store.notice.message != GOES_ON:
            await pilot.pause()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_a_fault_is_told_and_the_transfer_goes_on(
    way: Way,
    stage: Stage,
    patch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.ERROR)
    with pytest.raises(Broken):  # which a pilot raises when all is over
        async with stage.app.run_test(size=(100, 40)) as pilot:
            await stage.settle(pilot)
            await stage.play(pilot, paired())
            await pilot.press("t")
            await stage.play(pilot, *receiving("r1"))
            stage.app.store.sample(stage.now + 1)
            await stage.settle(pilot)
            way(stage, patch)
            await seen(stage, pilot)
            assert not stage.client.destroyed.is_set()
            patch.undo()
            while isinstance(stage.app.screen, Unlucky):
                stage.app.pop_screen()
                await pilot.pause()
            # Everything is as it would have been.
            await stage.play(pilot, *arrived("r1"))
            assert "holiday/ arrived." in notice(stage)
            assert any("done" in line for line in screen_text(stage.app))
            await pilot.press("p")
            await stage.settle(pilot)
            assert isinstance(stage.app.screen, PairScreen)
            await pilot.press("q")
            async with asyncio.timeout(10):
                await stage.client.destroyed.wait()
    assert stage.app.return_code == 0
    (record,) = [each for each in caplog.records if each.name == "filesend_tui.steady_app"][:1]
    assert record.exc_info is not None
    assert record.exc_info[0] is Broken
    # And it is told when the terminal is back; of each only the first.
    assert capsys.readouterr().err.count("Traceback (most recent call last)") == 1


async def test_the_rest_is_drawn_and_what_fails_is_not_tried_for_ever(
    stage: Stage, patch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries = 0

    def counted(graph: RateGraph, y: int) -> Strip:
        nonlocal tries
        tries += 1
        raise Broken

    with pytest.raises(Broken):
        async with stage.app.run_test(size=(100, 40)) as pilot:
            await stage.settle(pilot)
            patch.setattr(RateGraph, "draw_line", counted)
            await stage.play(pilot, paired())
            await pilot.press("t")
            await stage.play(pilot, *receiving("r1"))
            stage.app.store.sample(stage.now + 1)
            await stage.settle(pilot)
            await seen(stage, pilot)
            drawn = "\n".join(screen_text(stage.app))
            for part in ("receiving", "11.2 MB/s", "beach at dawn.jpg", _INSTEAD, GOES_ON):
                assert part in drawn
            before = tries
            for _ in range(20):
                await stage.settle(pilot)
            assert tries - before <= 20  # at most when the whole store is drawn by hand
            # A notice that was read does not come back with the next drawing.
            await pilot.press("escape")
            for second in range(5):
                await stage.play(pilot, rate("r1", 4e6 + second, 0.7))
            assert notice(stage) == ""
    assert len([each for each in caplog.records if each.name == "filesend_tui.steady_app"]) == 1


async def test_what_was_asked_for_meanwhile_is_asked_for(stage: Stage) -> None:
    """A request that comes while a part of the screen is broken can be answered."""
    with pytest.raises(Broken):
        async with stage.app.run_test(size=(100, 40)) as pilot:
            await stage.settle(pilot)
            stage.app.call_later(broken)
            await stage.play(pilot, paired(), *asked("r1"))
            await seen(stage, pilot)
            assert [row.id for row in stage.app.store.requests] == ["r1"]


async def test_with_nothing_to_lose_a_fault_ends_the_app(stage: Stage) -> None:
    stage.relay = asyncio.Event()
    stage.stuck = {"relay"}
    with pytest.raises(Broken):
        async with stage.app.run_test() as pilot:
            stage.app._client._client = None
            stage.app.call_later(broken)
            await pilot.pause()
    assert stage.app.return_code == 1


async def test_a_real_transfer_survives_a_widget_that_cannot_be_drawn(
    relay: RunningRelay, tmp_path: Path, home: Path, patch: pytest.MonkeyPatch
) -> None:
    """From a real Client to the Client of the screens, whose graph fails in mid-transfer."""

    async def here(_: Ask) -> str:
        return relay.url

    config = ClientConfig(name="Bob", output=home / "in", download_limit=SLOW)
    app = FileSendApp(
        lambda: Client(config),
        places=ScriptedPlaces(here),
        output=home / "in",
        start=home,
        draws_per_second=20,
        settle=0.0,
    )
    write_tree(tmp_path / "src", {"film.bin": random.Random(1).randbytes(12_000_000)})
    ann = Person("Ann", tmp_path / "ann")
    phases: list[TransferPhase] = []
    told = FileSendApp.fault_seen

    def fault_seen(self: FileSendApp) -> None:
        phases.extend(row.phase for row in self.store.transfers)
        told(self)

    patch.setattr(FileSendApp, "fault_seen", fault_seen)
    patch.setattr(RateGraph, "draw_line", broken)
    try:
        with pytest.raises(Broken):
            async with app.run_test(size=(100, 40)) as pilot, asyncio.timeout(60):
                await ann.client.connect(relay.url)
                while app.store.code is None:
                    await pilot.pause()
                await ann.client.join(app.store.code.code)
                # A screen is current before it is mounted, and takes keys only then.
                while app.current_mode != "send" or not app.screen.is_mounted:
                    await pilot.pause()
                await pilot.press("t")
                while app.current_mode != "transfers":
                    await pilot.pause()
                transfer = await ann.client.request([tmp_path / "src" / "film.bin"])
                while transfer not in app.store.rows:
                    await pilot.pause()
                await app._client.do(lambda client: client.answer(transfer, (True,)))
                assert await ann.ended(transfer) is TransferPhase.DONE
                while not app.store.rows[transfer].ended:
                    await pilot.pause()
                assert app.store.notice is not None
        assert phases == [TransferPhase.TRANSFERRING]
        assert read_tree(home / "in") == read_tree(tmp_path / "src")
    finally:
        await ann.close()


class GoneFile(io.StringIO):
    """A terminal that is gone for the first writes, and then the null device."""

    def __init__(self, fails: int) -> None:
        super().__init__()
        self.fails = fails

    def write(self, text: str, /) -> int:
        if self.fails:
            self.fails -= 1
            raise OSError(errno.EIO, "gone")
        return super().write(text)


def test_the_writer_goes_on_where_the_terminal_is_gone() -> None:
    """Textual's own ends at the first error, and whoever writes then waits for it for ever."""
    file = GoneFile(2)
    writer = LastingWriter(file)
    writer.start()
    for number in range(100):  # more than it queues
        writer.write(f"{number},")
    writer.stop()
    assert not writer.is_alive()
    assert file.getvalue() == "".join(f"{number}," for number in range(2, 100))
