"""The transfers screen's keys, and that it draws only what changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from textual.geometry import Region
from textual.pilot import Pilot
from textual.widgets import Static

from filesend_tui.core import events
from filesend_tui.core.events import Direction, TransferPhase
from filesend_tui.screens.confirm import ConfirmScreen
from filesend_tui.screens.transfers import TransfersScreen
from filesend_tui.widgets.file_progress import FileProgressList
from filesend_tui.widgets.key_bar import KeyBar
from filesend_tui.widgets.talk_bar import TalkField, TalkHistory
from filesend_tui.widgets.transfer_list import CALM, TransferList
from tests.tui.moments import ANA, FILM, arrived, asked, paired, phase, rate, receiving, sending
from tests.tui.scripted import Stage
from tests.tui.test_app import notice


async def opened(stage: Stage, pilot: Pilot[None], *happened: events.Event) -> TransfersScreen:
    await stage.settle(pilot)
    await stage.play(pilot, paired())
    await pilot.press("t")
    await stage.play(pilot, *happened)
    assert isinstance(stage.app.screen, TransfersScreen)
    return stage.app.screen


def lines(screen: TransfersScreen) -> list[str]:
    """What the table shows, line by line."""
    table = screen.query_one(TransferList)
    return [table.render_line(y).text for y in range(table.size.height)]


async def test_both_directions_say_all_there_is_to_say(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot, *sending("s1"), *receiving("r1"))
        upper, lower, *rest = lines(screen)
        assert "↓ holiday/" in upper
        assert "5 files" in upper
        assert "from Ana" in upper
        for figure in ("receiving", "63%", "11.2 MB/s", "0:27 left", "webrtc"):
            assert figure in lower
        assert "↑ the long way home.mp4" in rest[0]
        assert "to Ana" in rest[0]
        for figure in ("sending", "23%", "8.4 MB/s", "1:14 left", "webrtc"):
            assert figure in rest[1]


async def test_the_detail_follows_the_cursor(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot, *sending("s1"), *receiving("r1"))
        assert "mp4" in str(screen.query_one("#detail-title", Static).render())
        await pilot.press("up")
        assert "holiday/" in str(screen.query_one("#detail-title", Static).render())
        files = screen.query_one(FileProgressList)
        shown = [files.render_line(y).text for y in range(6)]
        assert "✓ beach at dawn.jpg" in shown[0]
        assert "declined" in shown[1]
        assert "82%" in shown[3]


async def test_the_cursor_stays_with_a_running_transfer(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot, *sending("s1"))
        await stage.play(pilot, *receiving("r1"), *receiving("r2"))
        assert screen.chosen is not None
        assert screen.chosen.id == "s1"
        await stage.play(pilot, phase("s1", TransferPhase.DONE, Direction.SEND))
        await stage.play(pilot, *receiving("r3"))
        assert screen.chosen is not None


async def test_x_asks_and_then_cancels(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await opened(stage, pilot, *sending("s1"))
        await pilot.press("x", "n")
        await stage.settle(pilot)
        assert stage.client.named("cancel") == []
        await pilot.press("x")
        assert isinstance(stage.app.screen, ConfirmScreen)
        await pilot.press("y")
        await stage.settle(pilot)
        assert stage.client.named("cancel") == [("s1",)]
        await stage.play(pilot, phase("s1", TransferPhase.CANCELLED, Direction.SEND))
        await pilot.press("x")  # nothing left to cancel
        assert not isinstance(stage.app.screen, ConfirmScreen)


async def test_o_shows_and_copies_where_the_file_is(stage: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    async with stage.app.run_test() as pilot:
        await opened(stage, pilot, *sending("s1"))
        await pilot.press("o")
        assert stage.app.clipboard == ""
        await stage.play(pilot, *receiving("r1"), *arrived("r1", folder.as_uri()))
        assert "holiday/ arrived." in notice(stage)
        await pilot.press("o")  # the cursor is on another: the last that arrived is meant
        assert stage.app.clipboard == str(folder)
        assert str(folder) in notice(stage).replace("\n", "")


def said(screen: TransfersScreen) -> str:
    """What the talk shows."""
    history = screen.query_one(TalkHistory)
    return "\n".join(history.render_line(y).text for y in range(history.size.height))


async def test_m_writes_a_line_and_escape_closes(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot, events.Message(partner=ANA, text="hello"))
        assert "Ana: hello" in said(screen)
        await pilot.press("m", *"quite so", "enter")
        await stage.settle(pilot)
        assert stage.client.named("say") == [("quite so",)]
        assert screen.query_one(TalkField).value == ""
        await stage.play(pilot, events.Message(partner=ANA, text="quite so", outgoing=True))
        assert "you: quite so" in said(screen)
        await pilot.press("enter", "escape", "p")
        assert stage.client.named("say") == [("quite so",)]
        assert stage.app.current_mode == "pair"


async def test_m_needs_somebody(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await stage.play(pilot, events.PartnerGone(partner=ANA, reason="left"))
        await pilot.press("m")
        assert not screen.query_one(TalkField).has_focus


async def test_a_declined_and_a_failed_request_stay_to_be_read(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(
            stage,
            pilot,
            *asked("s1", FILM, Direction.SEND),
            phase("s1", TransferPhase.DECLINED, Direction.SEND),
            *receiving("r1"),
            phase("r1", TransferPhase.FAILED, reason="The disk refused a write."),
        )
        shown = "\n".join(lines(screen))
        assert "✗ declined" in shown
        assert "Ana said no" in shown
        assert "✗ failed" in shown
        assert "The disk refused a write." in shown


@contextmanager
def painted(table: TransferList) -> Iterator[list[Region]]:
    """The regions that a table asks to be painted."""
    regions: list[Region] = []
    real = table.refresh

    def refresh(*asked: Region, **options: bool) -> TransferList:
        regions.extend(asked)
        assert asked or not options.get("repaint", True)
        return real(*asked, **options)

    table.refresh = refresh  # type: ignore[method-assign, assignment]
    try:
        yield regions
    finally:
        del table.refresh


async def test_only_what_changed_of_a_row_is_painted(stage: Stage) -> None:
    async with stage.app.run_test(size=(80, 40)) as pilot:
        screen = await opened(stage, pilot, *sending("s1"), *receiving("r1"), *receiving("r2"))
        stage.now += CALM
        with painted(screen.query_one(TransferList)) as regions:
            # A percent more and another rate, left of a bar that is as long as before.
            await stage.play(pilot, rate("r1", 5e6, 0.64))
            (region,) = regions
            assert (region.y, region.height) == (3, 1)
            assert 0 < region.right < lines(screen)[3].index("━")
            regions.clear()
            screen.draw()
            assert regions == []


async def test_rows_out_of_view_paint_nothing(stage: Stage) -> None:
    many = [event for number in range(30) for event in sending(f"s{number}")]
    async with stage.app.run_test(size=(80, 24)) as pilot:
        screen = await opened(stage, pilot, *many)
        await stage.later(pilot, CALM)
        table = screen.query_one(TransferList)
        with painted(table) as regions:
            for number in range(30):
                stage.client.stream.publish(rate(f"s{number}", 5e6, 0.9))
            await stage.settle(pilot)
            assert regions
            assert all(region.bottom <= table.size.height for region in regions)


async def test_figures_of_rows_that_nobody_chose_change_once_a_second(stage: Stage) -> None:
    async with stage.app.run_test(size=(80, 40)) as pilot:
        screen = await opened(stage, pilot, *receiving("r1"), *receiving("r2"))
        await stage.later(pilot, CALM)
        for transfer in ("r1", "r2"):
            await stage.play(pilot, rate(transfer, 5e6, 0.8))
        assert "63%" in lines(screen)[1]
        assert "80%" in lines(screen)[3]  # the chosen one
        await stage.later(pilot, CALM)
        assert "80%" in lines(screen)[1]
        await stage.play(pilot, phase("r2", TransferPhase.FAILED, reason="It broke."))
        assert "failed" in lines(screen)[1]  # what happened is told at once


async def test_the_keys_below_are_those_that_make_sense_and_can_be_clicked(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        bar = screen.query_one(KeyBar)
        assert bar.render_line(0).text.split() == [
            "m",
            "Message",
            "v",
            "Verify",
            "D",
            "Disconnect",
            "?",
            "Help",
            "q",
            "Quit",
        ]
        await stage.play(pilot, *sending("s1"))
        assert bar.render_line(0).text.startswith(" x Cancel  m Message")
        await pilot.click(KeyBar, offset=(14, 0))
        await stage.settle(pilot)
        assert screen.query_one(TalkField).has_focus
        assert bar.render_line(0).text.split() == [
            *("↑", "Earlier", "Enter", "Send", "the", "line", "Esc", "Close", "F1", "Help")
        ]


async def test_keys_and_clicks_move_the_cursor(stage: Stage) -> None:
    rows = [event for n in range(12) for event in asked(f"s{n}", FILM, Direction.SEND)]
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot, *rows)
        table = screen.query_one(TransferList)
        for key, index in (("home", 0), ("down", 1), ("end", 11), ("up", 10), ("pageup", 6)):
            await pilot.press(key)
            assert table.cursor == index
        top = table.cursor * 2 - table.scroll_offset.y
        assert 0 <= top < table.size.height
        await pilot.press("home")
        await pilot.click(TransferList, offset=(5, 4))
        assert table.cursor == 2
