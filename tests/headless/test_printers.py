"""headless/printers.py and narration.py: what scripts and people read."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import pytest
from msgspec import structs

from filesend_tui.core import events
from filesend_tui.core.errors import Cancelled
from filesend_tui.core.events import Direction, FileEntry, PausedBy, TransferPhase, Who
from filesend_tui.headless.narration import LISTED_FILES, Figure, Sharing
from filesend_tui.headless.outcome import Outcome
from filesend_tui.headless.printers import JsonPrinter, ProgressBar, ProgressLines, TextPrinter
from filesend_tui.state.qr import half_blocks
from filesend_tui.system.file_manager import path_of


def download(progress: float, **more: object) -> events.Download:
    fields = {
        "torrent": "t",
        "downloaded": "20 MB",
        "download_speed": "4 MB/s",
        "progress": progress,
        "downloaded_bytes": 20_000_000,
        "download_bytes_per_second": 4e6,
        "time_remaining": 12.0,
    }
    return events.Download(**(fields | more))  # type: ignore[arg-type]


def request(count: int, direction: Direction = Direction.RECEIVE) -> events.FileRequest:
    files = tuple(FileEntry(path=f"file{i}", size=1000) for i in range(1, count + 1))
    return events.FileRequest(
        transfer="a", direction=direction, partner="Ann", files=files, total_bytes=1000 * count
    )


class Text:
    """A TextPrinter on strings."""

    def __init__(self, sharing: Sharing | None = None, out: io.StringIO | None = None) -> None:
        self.out, self.err, self.now = out or io.StringIO(), io.StringIO(), 0.0
        progress = ProgressLines(self.err, clock=lambda: self.now)
        self.printer = TextPrinter(
            self.out, self.err, progress, sharing=sharing, clock=lambda: self.now
        )

    def show(self, *shown: events.Event) -> None:
        for event in shown:
            self.printer.show(event)

    @property
    def said(self) -> list[str]:
        return self.err.getvalue().splitlines()

    @property
    def results(self) -> list[str]:
        return self.out.getvalue().splitlines()


def test_empty_folders_are_named_and_counted() -> None:
    text = Text()
    folders = tuple(f"d/e{n}" for n in range(6))
    text.show(structs.replace(request(1), empty_folders=folders))
    assert text.said[-1] == "  and 6 empty folders: d/e0/, d/e1/, d/e2/, d/e3/, d/e4/, …"
    text.show(structs.replace(request(1), empty_folders=("d/.ssh",)))
    assert text.said[-1] == "  and 1 empty folder: d/.ssh/ (hidden)"
    text.show(structs.replace(request(1, Direction.SEND), empty_folders=("e",)))
    assert "take 1 file, 1 kB and 1 empty folder; waiting" in text.said[-1]


def by_relay(why: str, hint: str, *clues: str) -> events.PeerConnected:
    tried = events.RoadTried(road="direct", outcome="failed", clues=clues)
    return events.PeerConnected(
        torrent="t", address="x", client="y", road="relayed", why=why, hint=hint, tried=(tried,)
    )


def test_why_it_goes_no_better_way_is_told_once() -> None:
    text = Text()
    told = by_relay("Both routers do.", "Forward a port.", "portsChangeHere")
    text.show(told)
    first = ["Connected to x (y) over relayed.", "Both routers do.", "Forward a port."]
    assert text.said == first
    more = {key: getattr(told, key) for key in ("torrent", "address", "road", "hint", "tried")}
    text.show(events.PeerRoads(why=told.why, **more))
    assert text.said == first
    text.show(events.PeerRoads(why="Theirs does.", **more))
    assert text.said == [*first, "Theirs does.", "Forward a port."]


@pytest.mark.parametrize(
    "event",
    [
        by_relay("Your settings do.", "With --road auto.", "leftOutHere"),
        by_relay("Better roads are still tried.", "", "noAnswer"),
    ],
    ids=["what somebody chose", "what is not known yet"],
)
def test_of_a_road_there_is_no_line(event: events.PeerConnected) -> None:
    text = Text()
    text.show(event)
    assert text.said == ["Connected to x (y) over relayed."]


def test_a_relay_that_holds_it_back_is_told() -> None:
    text = Text()
    slowed = events.PeerSlowed(
        torrent="t", reason="day", bytes_per_second=1, message="It is used up.", hint="It goes on."
    )
    text.show(slowed, events.PeerSlowOver(torrent="t"))
    assert text.said == ["It is used up.", "It goes on.", "No relay holds it back any more."]


def test_json_is_one_object_a_line_in_utf8() -> None:
    out = io.BytesIO()
    printer = JsonPrinter(out)
    printer.show(events.Paired(partner="Ann 🦊\n"))
    printer.show(download(0.5))
    first, second = out.getvalue().decode().splitlines()
    assert json.loads(first) == {
        "event": "paired",
        "session": None,
        "partner": "Ann 🦊\n",
        "wants": "both",
        "contact": "",
    }
    assert json.loads(second)["downloadBytesPerSecond"] == 4e6


def test_json_leaves_out_bitfields() -> None:
    out = io.BytesIO()
    state = events.SwarmState(torrent="t", piece_count=1, piece_length=1, pieces=b"", peers=())
    JsonPrinter(out).show(state)
    assert out.getvalue() == b""


def test_that_the_relay_is_away_is_not_said_after_why_it_was_left() -> None:
    text = Text()
    away = events.RelayAway(url="u", reason="It was lost.")
    text.show(events.Error(code="relayUnreachable", message="Hung up on it.", hint="Ask."), away)
    assert text.said == ["Error: Hung up on it.", "Ask."]
    text.show(events.RelayBack(url="u"), away)
    assert "is away" in text.said[-1]


def test_a_question_lists_the_files_itself_and_nobody_else_does() -> None:
    out, err = io.StringIO(), io.StringIO()
    printer = TextPrinter(out, err, ProgressLines(err), asked=True)
    printer.show(request(3))
    assert err.getvalue() == "", "it might come after the question"
    printer.show(request(3, Direction.SEND))
    assert "waiting for the answer" in err.getvalue()


def test_results_go_to_stdout_and_the_rest_to_stderr() -> None:
    text = Text()
    text.show(
        events.Code(code="7-apple-violin", expires_seconds=600),
        events.Paired(partner="Ann"),
        events.Seeding(torrent="t", info_hash="t", name="N", magnet_uri="magnet:?x", total_bytes=1),
        events.DownloadComplete(
            torrent="t", url="file:///tmp/a%20b", bytes=10_000_000, seconds=2.0, road="webrtc"
        ),
    )
    assert text.results == ["Code: 7-apple-violin", "magnet:?x", str(Path("/tmp/a b"))]
    assert "Paired with Ann." in text.said
    assert any("10 minutes" in line for line in text.said)
    assert any("2.0 s" in line and "webrtc" in line and "5 MB/s" in line for line in text.said)


def sharing(*, copy: bool = True) -> Sharing:
    return Sharing(lambda code: f"filesend receive {code}", lambda: "on this network", copy=copy)


CODE = events.Code(code="7-apple-violin", expires_seconds=600)


def test_a_code_comes_with_its_command_and_where_it_works() -> None:
    text = Text(sharing())
    text.show(CODE)
    assert text.results == ["Code: 7-apple-violin"]
    assert text.said[1:] == ["filesend receive 7-apple-violin", "It works on this network."]


def test_a_code_as_json_has_both_as_fields_and_nothing_less() -> None:
    bare, more = io.BytesIO(), io.BytesIO()
    JsonPrinter(bare).show(CODE)
    JsonPrinter(more, sharing()).show(CODE)
    said = json.loads(more.getvalue())
    assert said.items() >= json.loads(bare.getvalue()).items()
    assert said["command"] == "filesend receive 7-apple-violin"
    assert said["where"] == "on this network"
    assert "\x1b" not in more.getvalue().decode()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("out", "copy", "term", "copied"),
    [
        (Terminal, True, "xterm-256color", True),
        (Terminal, False, "xterm-256color", False),
        (Terminal, True, "dumb", False),
        (io.StringIO, True, "xterm-256color", False),
    ],
    ids=["a terminal", "not wanted", "a poor terminal", "a pipe"],
)
def test_the_command_is_copied_on_a_terminal_alone(
    out: type[io.StringIO], copy: bool, term: str, copied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    text = Text(sharing(copy=copy), out())
    text.show(CODE, events.Paired(partner="Ann"))
    command = base64.b64encode(b"filesend receive 7-apple-violin").decode()
    assert (f"\x1b]52;c;{command}\a" in text.out.getvalue()) is copied
    assert ("\x1b" in text.out.getvalue()) is copied
    assert "\x1b" not in text.err.getvalue()


@pytest.mark.parametrize(
    ("resumed", "doubted", "said"),
    [(43, 0, "It continues at 43%."), (0, 0, None), (20, 23, "up to 43%, which is being verified")],
)
def test_what_goes_on_says_where(resumed: int, doubted: int, said: str | None) -> None:
    text = Text()
    told = events.Metadata(
        torrent="t",
        name="film.mkv",
        files=(events.FileEntry(path="film.mkv", size=100),),
        wanted=(True,),
        total_bytes=100,
        wanted_bytes=100,
        resumed_bytes=resumed,
        doubted_bytes=doubted,
    )
    text.show(told)
    assert text.said[0].startswith("film.mkv: 1 file")
    assert len(text.said) == (1 if said is None else 2)
    assert said is None or said in text.said[1]


def test_what_an_earlier_run_fetched_makes_this_one_no_faster() -> None:
    done = events.DownloadComplete(
        torrent="t", url="file:///tmp/a", bytes=10_000_000, seconds=2.0, road="direct"
    )
    text = Text()
    text.show(structs.replace(done, resumed_bytes=8_000_000))
    assert "Received 2 MB beside the 8 MB of before in 2.0 s over direct, 1 MB/s." in text.said
    text = Text()
    text.show(structs.replace(done, resumed_bytes=10_000_000, road=""))
    assert text.said == ["All 10 MB were here already, and are verified."]


def test_a_paired_seeding_shows_no_magnet() -> None:
    text = Text()
    text.show(
        events.Seeding(
            torrent="t",
            info_hash="t",
            name="N",
            magnet_uri="magnet:?secret",
            total_bytes=1,
            transfer="a",
        )
    )
    assert text.results == text.said == []


def seeding(magnet: str, share_url: str | None = None) -> events.Seeding:
    return events.Seeding(
        torrent="t",
        info_hash="t",
        name="N",
        magnet_uri=magnet,
        total_bytes=1,
        share_url=share_url,
    )


def test_a_share_link_is_a_result_below_the_magnet() -> None:
    text = Text()
    text.show(seeding("magnet:?x", "https://page/#magnet:?x"))
    assert text.results == ["magnet:?x", "https://page/#magnet:?x"]


@pytest.mark.parametrize("link", [None, "https://page/#magnet:?x"])
def test_a_terminal_shows_the_link_or_else_the_magnet_as_a_picture(
    link: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    size_of_terminal(monkeypatch, 80, 40)
    out = Terminal()
    TextPrinter(out, io.StringIO(), ProgressLines(io.StringIO())).show(seeding("magnet:?x", link))
    drawn = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in out.getvalue().splitlines()]
    picture = half_blocks(link or "magnet:?x")
    assert drawn == ["magnet:?x", *([link] if link else []), *picture]
    assert "\x1b[38;2;0;0;0;48;2;255;255;255m" in out.getvalue(), "black on white"


@pytest.mark.parametrize(("columns", "lines"), [(24, 40), (80, 13)])
def test_a_picture_that_does_not_fit_is_left_out(
    columns: int, lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    size_of_terminal(monkeypatch, columns, lines)
    out = Terminal()
    TextPrinter(out, io.StringIO(), ProgressLines(io.StringIO())).show(seeding("magnet:?x"))
    assert out.getvalue() == "magnet:?x\n"


def test_a_text_that_no_qr_code_can_hold_has_no_picture() -> None:
    assert half_blocks("x" * 3000) == ()


def test_a_long_request_is_listed_in_part() -> None:
    text = Text()
    text.show(request(LISTED_FILES + 5))
    assert text.said[0] == f"Ann wants to send {LISTED_FILES + 5} files, 25 kB:"
    assert text.said[1].split() == ["1", "file1", "1", "kB"]
    assert text.said[-1] == "  and 5 more"
    assert len(text.said) == LISTED_FILES + 2


def test_every_end_is_said() -> None:
    def end(phase: TransferPhase, direction: Direction = Direction.SEND) -> str:
        text = Text()
        text.show(
            events.TransferState(transfer="a", direction=direction, phase=phase, reason="why")
        )
        return " ".join(text.said)

    assert end(TransferPhase.DECLINED) == "The other person declined: why."
    assert end(TransferPhase.DECLINED, Direction.RECEIVE) == "You declined."
    assert end(TransferPhase.CANCELLED) == "The transfer was cancelled: why."
    assert end(TransferPhase.FAILED) == "The transfer failed: why."


@pytest.mark.parametrize(
    ("by", "reason", "said"),
    [
        (Who.YOU, "", "You cancelled it."),
        (Who.PARTNER, "", "Ann cancelled it."),
        (Who.PARTNER, "No time.", "Ann cancelled it: No time."),
        (None, "Their disk is full.", "The transfer was cancelled: Their disk is full."),
    ],
)
def test_who_cancelled_is_said_once(by: Who | None, reason: str, said: str) -> None:
    text = Text()
    state = structs.replace(ended(TransferPhase.CANCELLED, reason), partner="Ann", by=by)
    outcome = Outcome()
    outcome.see(request(1))
    with pytest.raises(Cancelled) as raised:
        outcome.see(state)
    text.show(state, failed(raised.value.message))
    assert text.said == [said, "Hint."]


def test_who_cancelled_is_in_the_json() -> None:
    out = io.BytesIO()
    state = structs.replace(ended(TransferPhase.CANCELLED), partner="Ann", by=Who.PARTNER)
    JsonPrinter(out).show(state)
    line = json.loads(out.getvalue())
    assert (line["by"], line["partner"]) == ("partner", "Ann")


def ended(phase: TransferPhase, reason: str = "") -> events.TransferState:
    return events.TransferState(transfer="a", direction=Direction.SEND, phase=phase, reason=reason)


def failed(message: str) -> events.Error:
    return events.Error(code="c", message=message, hint="Hint.", transfer="a")


LOST = "The connection to the relay at http://r was lost."


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (
            [ended(TransferPhase.CANCELLED), failed("The transfer was cancelled.")],
            ["The transfer was cancelled.", "Hint."],
        ),
        (
            [ended(TransferPhase.DECLINED, "no"), failed("The other person declined: no.")],
            ["The other person declined: no.", "Hint."],
        ),
        (
            [
                events.PartnerGone(partner="Ann", reason="relay"),
                failed(LOST),
                ended(TransferPhase.FAILED, LOST),
            ],
            [f"Error: {LOST}", "Hint."],
        ),
        (
            [failed("Full."), ended(TransferPhase.FAILED, "Broken.")],
            ["Error: Full.", "Hint.", "The transfer failed: Broken."],
        ),
    ],
)
def test_nothing_is_told_twice(shown: list[events.Event], said: list[str]) -> None:
    text = Text()
    text.show(*shown)
    assert text.said == said


def test_who_leaves_by_our_own_parting_is_no_news() -> None:
    text, out = Text(), io.BytesIO()
    printer = JsonPrinter(out)
    for each in (text.printer, printer):
        each.parting()
        each.show(events.PartnerGone(partner="Ann", reason="left"))
    assert text.said == []
    assert b"partnerGone" in out.getvalue(), "a script is told everything"


def test_errors_say_what_to_do() -> None:
    text = Text()
    text.show(events.Error(code="c", message="It broke.", hint="Mend it."))
    assert text.said == ["Error: It broke.", "Mend it."]


def test_progress_lines_come_first_each_tenth_and_last() -> None:
    text = Text()
    for hundredth in range(101):
        text.show(download(hundredth / 100))
    shown = [re.findall(r"(\d+)%", line)[0] for line in text.said]
    assert shown == ["0", *(str(tenth) for tenth in range(10, 101, 10))]
    assert text.said[0] == "Receiving: 0%  20 MB  4 MB/s  12 seconds left"


def test_progress_lines_come_when_it_is_slow() -> None:
    text = Text()
    for second in range(11):
        text.now = float(second)
        text.show(download(second / 1000))
    assert len(text.said) == 3, "at 0, 5 and 10 seconds"


def test_of_a_partner_who_is_silent_no_rate_is_told_for_long() -> None:
    """Whose figures they are: the last one would stand for as long as they say nothing."""
    text = Text()
    told = events.ProgressUpdate(
        transfer="a",
        downloaded="20 MB",
        download_speed="4 MB/s",
        progress=0.2,
        downloaded_bytes=20_000_000,
        download_bytes_per_second=4e6,
        time_remaining=12.0,
    )
    text.show(told)
    text.now = 2.9
    text.printer.look()
    assert text.said == ["Sending: 20%  20 MB  4 MB/s  12 seconds left"]
    for text.now in (3.0, 4.0, 5.0):
        text.printer.look()
    assert text.said[1:] == ["Sending: 20%  20 MB  nothing moves"], "once"
    text.now = 10.0
    text.show(told, events.Paired(partner="Ann"))
    text.now = 20.0
    text.printer.look()
    assert text.said[-1] == "Paired with Ann.", "what was taken off stays off"


def test_who_is_away_is_told_with_the_time_a_line_a_minute() -> None:
    text = Text()
    text.show(events.PartnerAway(partner="Ann", reason="lost"))
    for text.now in range(1, 130):
        text.printer.look()
    assert text.said == [
        "Ann is away; what was going on continues when they are back.",
        "Ann is away: 0:01",
        "Ann is away: 1:01",
        "Ann is away: 2:01",
    ]
    text.show(events.PartnerBack(partner="Ann"))
    text.now = 300.0
    text.printer.look()
    assert text.said[4:] == ["Ann is back."]


def test_a_relay_that_comes_and_goes_is_told() -> None:
    text = Text()
    text.show(events.RelayAway(url="u", reason="It was lost."), events.RelayBack(url="u"))
    assert text.said == [
        "The relay is away; it is looked for again, and what is under way goes on.",
        "The relay is back.",
    ]


def test_what_is_over_does_not_stand_still() -> None:
    text = Text()
    text.show(download(1.0))
    text.now = 10.0
    text.printer.look()
    assert len(text.said) == 1


def test_a_new_kind_of_progress_is_shown_at_once() -> None:
    text = Text()
    text.show(events.Hashing(progress=0.99), download(0.0))
    assert [line.split(":")[0] for line in text.said] == ["Preparing", "Receiving"]


def test_only_an_open_swarm_shows_its_uploads() -> None:
    text = Text()
    upload = events.Upload(
        torrent="t",
        uploaded="20 MB",
        upload_speed="1 MB/s",
        uploaded_bytes=1,
        upload_bytes_per_second=1.0,
        transfer="a",
    )
    text.show(upload)
    assert text.said == []


def size_of_terminal(monkeypatch: pytest.MonkeyPatch, columns: int, lines: int) -> None:
    for name, value in {
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "NO_COLOR": "1",
        "COLUMNS": str(columns),
        "LINES": str(lines),
    }.items():
        monkeypatch.setenv(name, value)


def test_the_bar_is_drawn_and_taken_off_for_a_line() -> None:
    screen = Terminal()
    printer = TextPrinter(screen, screen, ProgressBar(screen))
    printer.show(download(0.5))
    assert "50%" in screen.getvalue()
    printer.show(events.Paired(partner="Ann"))
    after = screen.getvalue()
    assert after.endswith("Paired with Ann.\n")
    printer.show(download(0.75))
    printer.close()
    assert "75%" in screen.getvalue()
    assert screen.getvalue().endswith("\x1b[2K"), "nothing of the bar stays"


def test_the_bar_reads_no_markup() -> None:
    screen = Terminal()
    bar = ProgressBar(screen)
    bar.update(Figure("Receiving", None, "[red]20[/red] MB"))
    bar.clear()
    assert "[red]20[/red] MB" in screen.getvalue()


def test_file_urls_are_paths_again(tmp_path: Path) -> None:
    for name in ("plain", "with space", "ünïcode 🦊", "per%cent", "ha#sh?"):
        assert path_of((tmp_path / name).as_uri()) == tmp_path / name


def pausing(by: PausedBy) -> events.TransferPaused:
    return events.TransferPaused(transfer="a", direction=Direction.SEND, partner="Ann", by=by)


def resumed(by: PausedBy) -> events.TransferResumed:
    return events.TransferResumed(transfer="a", direction=Direction.SEND, partner="Ann", by=by)


def test_who_paused_and_who_lets_it_go_on_are_told_and_for_how_long() -> None:
    text = Text()
    text.show(pausing(PausedBy.PARTNER))
    for second in range(1, 62):
        text.now = float(second)
        text.printer.look()
    text.show(pausing(PausedBy.BOTH), pausing(PausedBy.YOU), resumed(PausedBy.YOU))
    text.show(resumed(PausedBy.PARTNER))
    text.printer.look()
    assert text.said == [
        "Ann paused it; it goes on when they let it.",
        "Paused by Ann: 0:01",
        "Paused by Ann: 1:01",
        "You and Ann have paused it; it goes on when both of you let it.",
        "You paused it; it goes on when you let it.",
        "You let it go on.",
        "Ann lets it go on.",
    ]


def test_a_pause_in_json_names_who_did_it() -> None:
    out = io.BytesIO()
    JsonPrinter(out).show(pausing(PausedBy.PARTNER))
    assert json.loads(out.getvalue()) == {
        "event": "transferPaused",
        "session": None,
        "transfer": "a",
        "direction": "send",
        "partner": "Ann",
        "by": "partner",
    }


def test_what_is_waited_for_is_told_with_what_to_do_and_then_counted() -> None:
    text = Text()
    waits = events.Waiting(
        transfer="a", what="sending", seconds=15.0, message="It sends nothing.", hint="Ask them."
    )
    figures = events.Download(
        torrent="t",
        transfer="a",
        downloaded="20 MB",
        download_speed="0 Bytes/s",
        progress=0.2,
        downloaded_bytes=20,
        download_bytes_per_second=0.0,
    )
    text.show(waits)
    for text.now in range(1, 62):
        text.show(figures)
        text.printer.look()
    text.show(structs.replace(waits, seconds=75.0))
    assert text.said == [
        "It sends nothing.",
        "Ask them.",
        "It sends nothing: 0:16",
        "It sends nothing: 1:16",
    ]
    text.show(events.WaitOver(transfer="a", what="sending"), figures)
    assert text.said[4:] == ["Receiving: 20%  20 MB  0 Bytes/s"]
    text.now = 300.0
    text.printer.look()
    assert not [said for said in text.said[4:] if "sends nothing" in said]


def test_another_reason_is_told_as_well_and_what_has_ended_waits_for_nothing() -> None:
    text = Text()
    waits = events.Waiting(
        transfer="a", what="meeting", seconds=10.0, message="They are apart.", hint="Wait."
    )
    state = events.TransferState(
        transfer="a", direction=Direction.RECEIVE, phase=TransferPhase.FAILED, reason="So."
    )
    text.show(waits, structs.replace(waits, what="sending", message="It sends nothing."), state)
    assert text.said[:3] == ["They are apart.", "Wait.", "It sends nothing."]
    text.now = 100.0
    text.printer.look()
    assert "nothing" not in text.said[-1]


def test_files_that_are_left_out_for_now_are_told() -> None:
    text = Text()
    for direction in Direction:
        for files in ((1,), (1, 2), ()):
            text.show(
                events.FilesPaused(transfer="a", direction=direction, partner="Ann", files=files)
            )
    assert text.said == [
        "Ann leaves out 1 file for now; the rest goes on.",
        "Ann leaves out 2 files for now; the rest goes on.",
        "Ann leaves out nothing any more.",
        "You leave out 1 file for now; the rest goes on.",
        "You leave out 2 files for now; the rest goes on.",
        "You leave out nothing any more.",
    ]


def test_a_preparation_that_stands_still_says_so_once() -> None:
    text = Text()
    text.show(events.Hashing(progress=0.4))
    for text.now in range(1, 20):
        text.printer.look()
    assert text.said == ["Preparing: 40%", "Preparing: 40%  nothing moves"]
    text.show(events.Hashing(progress=0.9))
    assert text.said[2:] == ["Preparing: 90%"]


def test_what_is_wanted_again_is_told_to_its_sender_alone() -> None:
    text = Text()
    for direction in Direction:
        text.show(events.SendAgain(transfer="a", direction=direction, partner="Ann"))
    assert text.said == ["Ann asks you to send it again."]


def test_what_waits_for_others_says_for_how_many() -> None:
    text = Text()
    for direction, before in (
        (Direction.SEND, 2),
        (Direction.SEND, 1),
        (Direction.SEND, 0),
        (Direction.RECEIVE, 1),
        (Direction.RECEIVE, 0),
    ):
        text.show(
            events.TransferQueued(
                transfer="a", direction=direction, partner="Ann", waits=before > 0, before=before
            )
        )
    assert text.said == [
        "It waits for 2 others.",
        "It waits for another.",
        "Its turn has come: it goes on.",
        "It waits for others that Ann sends first.",
        "Its turn has come: it goes on.",
    ]


def test_several_who_are_waited_for_are_named_until_they_are_there() -> None:
    text = Text()
    for contact, name in (("b", "Bob"), ("c", "Cid"), ("d", "Dan")):
        text.show(events.Calling(contact=contact, name=name))
    text.printer.look()
    assert text.said[-1].startswith("Waiting for Bob, Cid, Dan: ")
    text.show(events.Paired(partner="Bob", contact="b"))
    text.show(events.Error(code="contactAway", message="Dan did not come in time.", hint="H."))
    text.printer.look()
    assert text.said[-1].startswith("Waiting for Cid: ")
