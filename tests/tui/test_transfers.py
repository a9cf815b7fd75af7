"""The transfers screen's keys, and that it draws only what changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widgets import Static

from filesend_tui.core import events
from filesend_tui.core.events import Direction, PausedBy, TransferPhase
from filesend_tui.screens import open_folder
from filesend_tui.screens.boxes.confirm import ConfirmScreen
from filesend_tui.screens.commands import SendPaths
from filesend_tui.screens.work import WorkScreen
from filesend_tui.system.file_manager import CannotOpen, link_to
from filesend_tui.widgets.bars.key_bar import KeyBar
from filesend_tui.widgets.bars.talk_bar import TalkField, TalkHistory
from filesend_tui.widgets.transfers.file_progress import FileProgressList
from filesend_tui.widgets.transfers.piece_strip import PieceStrip
from filesend_tui.widgets.transfers.road_lines import RoadLines
from filesend_tui.widgets.transfers.transfer_list import CALM, TransferList
from tests.security.test_terminal import screen_text
from tests.tui.moments import (
    ANA,
    FILM,
    PHOTOS,
    arrived,
    asked,
    paired,
    phase,
    queued,
    rate,
    receiving,
    resumed,
    sending,
    shared,
)
from tests.tui.moments import paused as pausing
from tests.tui.scripted import Stage
from tests.tui.test_app import notice


async def opened(stage: Stage, pilot: Pilot[None], *happened: events.Event) -> WorkScreen:
    await stage.settle(pilot)
    await stage.play(pilot, paired())
    await pilot.press("t")
    await stage.play(pilot, *happened)
    assert isinstance(stage.app.screen, WorkScreen)
    return stage.app.screen


def lines(screen: WorkScreen) -> list[str]:
    """What the table shows, line by line."""
    table = screen.query_one(TransferList)
    return [table.render_line(y).text for y in range(table.size.height)]


def title(screen: WorkScreen) -> str:
    return str(screen.query_one("#detail-title", Static).render())


async def test_both_directions_say_all_there_is_to_say(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot, *sending("s1"), *receiving("r1"))
        upper, lower, *rest = lines(screen)
        assert "↓ holiday/" in upper
        assert "5 files" in upper
        assert "from Ana" in upper
        for figure in ("receiving", "63%", "11.2 MB/s", "0:27 left"):
            assert figure in lower
        assert "↑ the long way home.mp4" in rest[0]
        assert "to Ana" in rest[0]
        for figure in ("sending", "23%", "8.4 MB/s", "1:14 left"):
            assert figure in rest[1]
        assert "through WebRTC" in title(screen)


async def test_the_detail_follows_the_cursor(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot, *sending("s1"), *receiving("r1"))
        assert "mp4" in title(screen)
        await pilot.press("up")
        assert "holiday/" in title(screen)
        files = screen.query_one(FileProgressList)
        shown = [files.render_line(y).text for y in range(6)]
        assert "✓ beach at dawn.jpg" in shown[0]
        assert "declined" in shown[1]
        assert "82%" in shown[3]


async def test_the_cursor_stays_with_its_transfer(stage: Stage) -> None:
    """Also where that is over: somebody may be reading it, or be about to press a key on it."""
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot, *sending("s1"))
        for number in range(3):
            await stage.play(pilot, *receiving(f"r{number}"))
            assert screen.transfers.chosen is not None
            assert screen.transfers.chosen.id == "s1"
            await stage.play(pilot, phase("s1", TransferPhase.DONE, Direction.SEND))
        assert "the long way home.mp4" in title(screen)


async def test_what_failed_lists_nothing_as_done(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot, *receiving("r1"))
        files = screen.query_one(FileProgressList)
        assert "✓ beach at dawn.jpg" in files.render_line(0).text
        await stage.play(pilot, phase("r1", TransferPhase.FAILED, reason="It broke."))
        shown = "\n".join(files.render_line(y).text for y in range(6))
        assert "beach at dawn.jpg" in shown
        assert "done" not in shown
        assert "✓" not in shown
        await pilot.press("i")
        assert "none yet" in screen.query_one(PieceStrip).render_line(0).text


async def test_what_was_declined_says_what_it_was(stage: Stage) -> None:
    out = Direction.SEND
    async with stage.app.run_test() as pilot:
        screen = await opened(
            stage,
            pilot,
            *asked("s1", PHOTOS, out),
            events.FileAnswer(transfer="s1", accepted=(False,) * len(PHOTOS)),
            phase("s1", TransferPhase.DECLINED, out),
        )
        upper, lower, *_ = lines(screen)
        assert "6 files · 830.7 MB" in upper
        assert "declined" in lower


async def test_pieces_and_peers_are_for_those_who_ask(stage: Stage) -> None:
    async with stage.app.run_test(size=(100, 40)) as pilot:
        screen = await opened(stage, pilot, *receiving("r1"))
        await sampled(stage, pilot)
        for size, files_too in (((100, 40), True), ((60, 18), False)):
            await pilot.resize_terminal(*size)
            await stage.settle(pilot)
            drawn = "\n".join(screen_text(stage.app))
            assert "Pieces" not in drawn
            assert "Peers" not in drawn
            assert "beach" in drawn
            assert ("Rate" in drawn) is files_too
            await pilot.press("i")
            await stage.settle(pilot)
            drawn = "\n".join(screen_text(stage.app))
            assert "Pieces  146 of 200" in drawn
            assert "Rate" in drawn
            assert ("beach" in drawn) is files_too
            if files_too:
                assert "192.0.2.7:51413" in drawn
            await pilot.press("i")
        assert screen.query_one("#files").display
        await pilot.press("i")
        await stage.play(pilot, *arrived("r1"))
        assert "Peers" not in "\n".join(screen_text(stage.app))  # nobody comes any more


async def sampled(stage: Stage, pilot: Pilot[None]) -> None:
    stage.now += 1
    stage.app.store.sample(stage.now)
    await stage.settle(pilot)


@pytest.mark.parametrize(
    ("road", "words"),
    [
        ("direct", "straight between your machines"),
        ("webrtc", "through WebRTC"),
        ("relayed", "through a server in between, which cannot read them"),
    ],
)
async def test_the_road_is_told_in_words(stage: Stage, road: str, words: str) -> None:
    met = events.PeerConnected(torrent="a" * 40, address="x", client="y", road=road)
    found = events.Metadata(
        torrent="a" * 40, transfer="r1", name="n", files=(), wanted=(), total_bytes=1
    )
    async with stage.app.run_test(size=(80, 24)) as pilot:
        screen = await opened(stage, pilot, *receiving("r1"), found, met)
        assert words in title(screen)
        assert road not in "\n".join(screen_text(stage.app)).replace(words, "")


TRIED = (
    events.RoadTried(road="direct", outcome="failed", message="failed: no answer"),
    events.RoadTried(road="webrtc", outcome="goingOn", message="still tried"),
    events.RoadTried(road="relayed", outcome="taken", message="in use"),
)


def by_relay(road: str = "relayed", why: str = "", hint: str = "") -> list[events.Event]:
    return [
        events.Metadata(
            torrent="a" * 40, transfer="r1", name="n", files=(), wanted=(), total_bytes=1
        ),
        events.PeerConnected(
            torrent="a" * 40,
            address="x",
            client="y",
            road=road,
            why=why,
            hint=hint,
            tried=TRIED if why else TRIED[2:],
        ),
    ]


def flat(stage: Stage) -> str:
    return " ".join(" ".join(screen_text(stage.app)).split())


async def test_the_details_say_why_it_goes_this_way_and_what_was_tried(stage: Stage) -> None:
    why, hint = "[b]Both routers[/b] change ports.", "Port forwarding of 4040 would do."
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await opened(stage, pilot, *receiving("r1"), *by_relay(why=why, hint=hint))
        lines = stage.app.screen.query_one(RoadLines)
        assert not lines.display
        await pilot.press("i")
        assert lines.display
        drawn = str(lines.render())
        for words in ("Road", why, hint, "direct  failed: no answer"):
            assert words in drawn, drawn
        assert "webrtc  still tried" in drawn
        more = events.PeerRoads(
            torrent="a" * 40,
            address="x",
            road="relayed",
            why="UDP is blocked.",
            hint="",
            tried=(TRIED[0],),
        )
        await stage.play(pilot, more)
        assert "UDP is blocked." in str(lines.render())
        assert why not in str(lines.render())
        # A better road takes over: there is nothing to explain any more.
        await stage.play(pilot, *by_relay("direct"))
        assert not lines.display
        assert "straight between your machines" in title(stage.app.screen)


async def test_the_details_say_what_is_left_out_by_choice_and_which_links_were_not_made(
    stage: Stage,
) -> None:
    def absent() -> str:
        found = stage.app.screen.query_one("#absent", Static)
        return str(found.render()) if found.display else ""

    async with stage.app.run_test(size=(120, 40)) as pilot:
        await stage.settle(pilot)
        (asks, *rest) = sending("s1")
        (complete, over) = arrived("r1")
        asks = msgspec.structs.replace(asks, excluded=12)
        complete = msgspec.structs.replace(complete, links_not_made=1)
        await stage.play(pilot, paired(), asks, *rest)
        await pilot.press("t")
        await stage.settle(pilot)
        assert absent() == ""
        await pilot.press("i")
        await stage.settle(pilot)
        assert absent() == "12 things are left out, as you exclude them."
        await stage.play(pilot, *receiving("r1"), complete, over)
        await pilot.press("home")
        await stage.settle(pilot)
        assert absent() == (
            "1 link is left out: this system, or the folder's file system, makes none."
        )


async def test_what_the_relay_holds_back_is_told_in_the_row_and_below(stage: Stage) -> None:
    slowed = events.PeerSlowed(
        torrent="a" * 40,
        transfer="r1",
        reason="day",
        bytes_per_second=1000,
        message="The relay holds it back.",
        hint="It goes on by itself.",
    )
    async with stage.app.run_test(size=(120, 40)) as pilot:
        screen = await opened(stage, pilot, *receiving("r1"), *by_relay(), slowed)
        assert "! held back" in flat(stage)
        assert "The relay holds it back. It goes on by itself." in title(screen)
        await stage.play(pilot, events.PeerSlowOver(torrent="a" * 40, transfer="r1"))
        assert "held back" not in flat(stage)
        assert "holds it back" not in title(screen)


SIZES = [(40, 12), (50, 16), (60, 18), (80, 24), (120, 40), (200, 60)]


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_in_any_room_there_is_what_matters(stage: Stage, size: tuple[int, int]) -> None:
    """The name, how far it is, how fast, how long, which keys there are, and what is said."""
    async with stage.app.run_test(size=size) as pilot:
        await opened(stage, pilot, *sending("s0"), *shared(), *receiving("r1"))
        await pilot.press("down")
        await stage.play(pilot, events.Message(partner=ANA, text="hello"))
        await stage.settle(pilot)
        drawn = screen_text(stage.app)
        whole = "\n".join(drawn)
        for words in ("↓ holiday/", "826.8 MB", "◇ the long", "hello", " x Cancel"):
            assert words in whole, whole
        (line,) = [each for each in drawn if "receiving" in each and "63%" in each]
        for words in ("11.2 MB/s", "0:27 left"):
            assert words in line
        (share,) = [each for each in drawn if "shared openly" in each and "took it" in each]
        assert "1 took it · 2 here" in share


# -- keys of what is over


@pytest.fixture
def shown_by(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """A desktop whose file manager notes what it shows."""
    shown: list[Path] = []

    async def show(path: Path, program: str, environment: Mapping[str, str]) -> None:
        if path.name == "gone":
            raise CannotOpen("The folder is not there any more.")
        shown.append(path)

    monkeypatch.setattr(open_folder, "opener", lambda: "xdg-open")
    monkeypatch.setattr(open_folder, "open_folder_of", show)
    yield shown


async def test_o_opens_the_folder_of_what_arrived(
    stage: Stage, tmp_path: Path, shown_by: list[Path]
) -> None:
    folder = tmp_path / "with space"
    async with stage.app.run_test() as pilot:
        await opened(stage, pilot, *sending("s1"))
        await pilot.press("o")
        assert shown_by == []
        await stage.play(pilot, *receiving("r1"), *arrived("r1", folder.as_uri()))
        assert "holiday/ arrived." in notice(stage)
        assert "Press o" in notice(stage)
        await pilot.press("o")  # the cursor is on another: the last that arrived is meant
        await stage.settle(pilot)
        assert shown_by == [folder]
        assert "is open" in notice(stage)
        await stage.play(pilot, *receiving("r2"), *arrived("r2", (tmp_path / "gone").as_uri()))
        await pilot.press("o")
        await stage.settle(pilot)
        assert "not there any more" in notice(stage).replace("\n", " ")


async def test_where_no_window_opens_the_place_is_told_and_copied(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_folder, "opener", lambda: None)
    folder = tmp_path / "with space"
    async with stage.app.run_test(size=(200, 40)) as pilot:
        screen = await opened(stage, pilot, *receiving("r1"), *arrived("r1", folder.as_uri()))
        await pilot.press("o")
        await stage.settle(pilot)
        assert stage.app.clipboard == str(folder)
        assert str(folder) in notice(stage).replace("\n", "")
        # The terminal is told where it leads, and on which machine (OSC 8).
        written = [
            segment.style.link
            for line in screen._compositor.render_strips()
            for segment in line
            if segment.style is not None and segment.style.link is not None
        ]
        assert set(written) == {link_to(folder.as_uri())}


async def test_c_copies_where_it_is(stage: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    async with stage.app.run_test() as pilot:
        await opened(stage, pilot, *receiving("r1"), *arrived("r1", folder.as_uri()))
        await pilot.press("c")
        assert stage.app.clipboard == str(folder)
        assert str(folder) in notice(stage).replace("\n", "")


@pytest.mark.parametrize(
    "end",
    [
        TransferPhase.DONE,
        TransferPhase.DECLINED,
        TransferPhase.FAILED,
        TransferPhase.CANCELLED,
    ],
    ids=str,
)
async def test_r_asks_for_the_same_again(stage: Stage, tmp_path: Path, end: TransferPhase) -> None:
    paths = (tmp_path / "one", tmp_path / "two")
    out = Direction.SEND
    async with stage.app.run_test() as pilot:
        await opened(stage, pilot)
        stage.app.screen.post_message(SendPaths(dict.fromkeys(paths)))
        await stage.settle(pilot)
        await stage.play(pilot, *asked(stage.client.transfer, FILM, out))
        await pilot.press("r")  # it is still under way
        await stage.settle(pilot)
        assert stage.client.named("request") == [(paths,)]
        await stage.play(pilot, phase(stage.client.transfer, end, out))
        await pilot.press("r")
        await stage.settle(pilot)
        assert stage.client.named("request") == [(paths,), (paths,)]
        await stage.play(pilot, events.PartnerGone(partner=ANA, reason="left"))
        await pilot.press("r")  # nobody is there
        await stage.settle(pilot)
        assert len(stage.client.named("request")) == 2


def wanted_again(transfer: str, direction: Direction) -> events.SendAgain:
    return events.SendAgain(transfer=transfer, direction=direction, partner=ANA)


async def sent(stage: Stage, pilot: Pilot[None], transfer: str, *paths: Path) -> None:
    """Send these, under their names, and have that done."""
    stage.client.transfer, out = transfer, Direction.SEND
    stage.app.screen.post_message(SendPaths(dict.fromkeys(paths)))
    await stage.settle(pilot)
    files = tuple(events.FileEntry(path=path.name, size=1) for path in paths)
    await stage.play(pilot, *asked(transfer, files, out), phase(transfer, TransferPhase.DONE, out))


@pytest.mark.parametrize("place", ["p", "s", "t"])
@pytest.mark.parametrize("size", [(40, 12), (80, 24), (120, 40)], ids=str)
async def test_the_keys_of_the_notice_send_what_is_wanted_and_nothing_else(
    stage: Stage, tmp_path: Path, size: tuple[int, int], place: str
) -> None:
    out = Direction.SEND
    async with stage.app.run_test(size=size) as pilot:
        await opened(stage, pilot)
        await sent(stage, pilot, "s3", tmp_path / "q3.bin")
        await sent(stage, pilot, "s4", tmp_path / "q4.bin")
        await pilot.press("t", "home")
        await stage.settle(pilot)
        assert "q4.bin" in title(stage.app.screen)  # type: ignore[arg-type]
        await pilot.press(place)
        await stage.settle(pilot)
        await stage.play(pilot, wanted_again("s3", out))
        assert "again. t, then r, sends it." in " ".join(notice(stage).split())
        await pilot.press("t")
        await stage.settle(pilot)
        screen = stage.app.screen
        assert isinstance(screen, WorkScreen)
        assert "q3.bin" in title(screen)
        assert any(f"{ANA} asks for it again" in line for line in lines(screen))
        assert "r Send again" in screen.query_one(KeyBar).render_line(0).text
        await pilot.press("r")
        await stage.settle(pilot)
        assert stage.client.named("request")[2:] == [((tmp_path / "q3.bin",),)]
        assert notice(stage) == ""
        assert not any("again" in line for line in lines(screen))


async def test_the_first_look_at_the_transfers_is_at_what_is_wanted(
    stage: Stage, tmp_path: Path
) -> None:
    """The screen is made as it is looked at."""
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired())
        for name in ("s3", "s4"):
            await sent(stage, pilot, name, tmp_path / name)
        await stage.play(pilot, wanted_again("s3", Direction.SEND))
        await pilot.press("t", "r")
        await stage.settle(pilot)
        assert stage.client.named("request")[2:] == [((tmp_path / "s3",),)]


async def test_what_is_wanted_is_sent_by_a_key_on_its_row_alone(
    stage: Stage, tmp_path: Path
) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await sent(stage, pilot, "s3", tmp_path / "q3.bin")
        await stage.play(pilot, *receiving("r1"), wanted_again("s3", Direction.SEND))
        await pilot.press("home")
        assert "Send again" not in screen.query_one(KeyBar).render_line(0).text
        await pilot.press("r")
        await stage.settle(pilot)
        assert len(stage.client.named("request")) == 1


async def test_what_is_being_sent_again_is_not_sent_once_more(stage: Stage, tmp_path: Path) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await sent(stage, pilot, "s3", tmp_path / "q3.bin")
        again = (events.FileEntry(path="q3.bin", size=2),)
        await stage.play(pilot, *asked("s5", again, Direction.SEND))
        await pilot.press("end")
        assert "Send again" not in screen.query_one(KeyBar).render_line(0).text
        await stage.play(pilot, phase("s5", TransferPhase.CANCELLED, Direction.SEND))
        assert "Send again" in screen.query_one(KeyBar).render_line(0).text


async def test_what_they_wanted_is_over_when_they_leave(stage: Stage, tmp_path: Path) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await sent(stage, pilot, "s3", tmp_path / "q3.bin")
        await stage.play(pilot, wanted_again("s3", Direction.SEND))
        await stage.play(pilot, events.PartnerGone(partner=ANA, reason="left"))
        assert not any("again" in line for line in lines(screen))


async def test_where_the_paths_are_not_known_the_notice_does_not_promise_a_key(
    stage: Stage,
) -> None:
    out = Direction.SEND
    async with stage.app.run_test() as pilot:
        await opened(stage, pilot, *asked("s1", FILM, out), phase("s1", TransferPhase.FAILED, out))
        await stage.play(pilot, wanted_again("s1", out))
        assert "s leads to your files" in " ".join(notice(stage).split())
        assert "then r" not in notice(stage)


async def test_what_is_asked_for_or_comes_is_not_asked_for_once_more(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot, *receiving("r1"), phase("r1", TransferPhase.FAILED))

        def offered() -> bool:
            return "Ask again" in screen.query_one(KeyBar).render_line(0).text

        assert offered()
        await stage.play(pilot, wanted_again("r1", Direction.RECEIVE))
        assert not offered()
        assert any("you asked for it again" in line for line in lines(screen))
        await stage.play(pilot, *asked("r2"))
        await pilot.press("end")
        assert not offered(), "it was answered"
        assert not any("you asked for it" in line for line in lines(screen))
        assert "You asked" not in notice(stage)
        await stage.play(pilot, *receiving("r2"))
        assert not offered(), "it comes"
        await stage.play(pilot, phase("r2", TransferPhase.FAILED))
        assert offered(), "it did not come that time, either"
        await stage.play(pilot, *receiving("r3"), *arrived("r3"))
        assert not offered(), "it came"


async def test_other_files_of_theirs_answer_nothing(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot, *receiving("r1"), phase("r1", TransferPhase.FAILED))
        await stage.play(pilot, *asked("r2", FILM))
        await pilot.press("end")
        assert "Ask again" in screen.query_one(KeyBar).render_line(0).text


@pytest.mark.parametrize(
    "end", [TransferPhase.FAILED, TransferPhase.CANCELLED, TransferPhase.DECLINED], ids=str
)
async def test_what_did_not_come_is_asked_for_again(stage: Stage, end: TransferPhase) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot, *receiving("r1"))
        await pilot.press("r")
        await stage.play(pilot, phase("r1", end))
        assert "Ask again" in screen.query_one(KeyBar).render_line(0).text
        await pilot.press("r")
        await stage.settle(pilot)
        assert stage.client.named("ask_again") == [("r1",)]
        await stage.play(pilot, wanted_again("r1", Direction.RECEIVE))
        assert f"You asked {ANA} to send holiday/ again." in notice(stage)
        await stage.play(pilot, events.PartnerGone(partner=ANA, reason="left"))
        await pilot.press("r")
        await stage.settle(pilot)
        assert len(stage.client.named("ask_again")) == 1


async def test_what_came_cannot_be_sent_again(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot, *receiving("r1"), *arrived("r1"))
        assert "Send again" not in screen.query_one(KeyBar).render_line(0).text
        await pilot.press("r")
        assert stage.client.named("request") == []


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (120, 40)], ids=str)
async def test_space_pauses_and_lets_go_on(stage: Stage, size: tuple[int, int]) -> None:
    async with stage.app.run_test(size=size) as pilot:
        screen = await opened(stage, pilot, *sending("s1"))
        await pilot.press("space")
        await stage.settle(pilot)
        assert stage.client.named("pause") == [("s1",)]
        await stage.play(pilot, pausing("s1", PausedBy.YOU, Direction.SEND))
        assert "‖ paused" in lines(screen)[1]
        assert "by you" in lines(screen)[1]
        assert "MB/s" not in lines(screen)[1]
        await stage.play(pilot, pausing("s1", PausedBy.BOTH, Direction.SEND))
        assert f"by you and {ANA}" in lines(screen)[1]
        await pilot.press("space")
        await stage.settle(pilot)
        assert stage.client.named("go_on") == [("s1",)]
        await stage.play(pilot, pausing("s1", PausedBy.PARTNER, Direction.SEND))
        assert f"by {ANA}" in lines(screen)[1]
        await pilot.press("space")  # beside the partner's pause there may be one's own
        await stage.settle(pilot)
        assert stage.client.named("pause") == [("s1",), ("s1",)]
        await stage.play(pilot, resumed("s1", PausedBy.PARTNER, Direction.SEND))
        assert "sending" in lines(screen)[1]


async def test_what_waits_for_an_answer_or_is_over_cannot_be_paused(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot, *asked("r1"))
        assert "Pause" not in screen.query_one(KeyBar).render_line(0).text
        await pilot.press("space")
        await stage.play(pilot, *receiving("r1"), *arrived("r1"))
        await pilot.press("space")
        await stage.settle(pilot)
        assert stage.client.named("pause") == []


async def test_space_on_a_file_leaves_out_that_file(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot, *receiving("r1"))
        files = screen.query_one(FileProgressList)
        files.focus()
        await pilot.press("home", "space")  # it is there already: all of it, then
        await pilot.press("end", "space")
        await stage.settle(pilot)
        last = len(PHOTOS) - 1
        assert stage.client.named("pause") == [("r1",), ("r1", (last,))]
        left = events.FilesPaused(
            transfer="r1", direction=Direction.RECEIVE, partner=ANA, files=(last,)
        )
        await stage.play(pilot, left)
        assert "paused" in files.render_line(last).text
        assert "Go on" in screen.query_one(KeyBar).render_line(0).text
        await pilot.press("space")
        await stage.settle(pilot)
        assert stage.client.named("go_on") == [("r1", (last,))]


async def test_a_sender_leaves_out_no_single_file(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot, *sending("s1", PHOTOS))
        screen.query_one(FileProgressList).focus()
        await pilot.press("end", "space")
        await stage.settle(pilot)
        assert stage.client.named("pause") == [("s1",)]


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (120, 40)], ids=str)
async def test_what_waits_says_for_how_many_and_is_moved(
    stage: Stage, size: tuple[int, int]
) -> None:
    async with stage.app.run_test(size=size) as pilot:
        screen = await opened(stage, pilot, *sending("s1"))
        await pilot.press("plus", "minus")  # nothing waits
        await stage.play(pilot, queued("s1", 2))
        assert "‖ waits" in lines(screen)[1]
        assert "for 2 others" in lines(screen)[1]
        await pilot.press("plus", "minus")
        await stage.settle(pilot)
        assert stage.client.named("move") == [("s1", -1), ("s1", 1)]
        await stage.play(pilot, queued("s1", 0))
        assert "sending" in lines(screen)[1]


async def test_what_waits_at_its_sender_is_not_moved_here(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot, *receiving("r1"), queued("r1", 1, Direction.RECEIVE))
        assert "for its turn" in lines(screen)[1]
        await pilot.press("plus")
        await stage.settle(pilot)
        assert stage.client.named("move") == []


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


def said(screen: WorkScreen) -> str:
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

    table.refresh = refresh  # type: ignore[method-assign]
    try:
        yield regions
    finally:
        del table.refresh


async def test_only_what_changed_of_a_row_is_painted(stage: Stage) -> None:
    async with stage.app.run_test(size=(82, 40)) as pilot:
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
            "P",
            "People",
        ]
        await stage.play(pilot, *sending("s1"))
        assert bar.render_line(0).text.startswith(" Space Pause  x Cancel  i Details")
        await pilot.click(KeyBar, offset=(bar.render_line(0).text.index("Message"), 0))
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
