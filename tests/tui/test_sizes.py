"""Every widget at every size from 1×1 to 300×100, in each state; and whole screens at many sizes.

Not all 30,000: small ones in each state, then each width and each height, with the states in turn,
and what Hypothesis finds between them. A widget is told its size and handed its states one after
another, so that it draws both anew and what differs; its lines are as many and as wide as it is.
"""

from __future__ import annotations

import importlib
import itertools
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from textual.app import App, ComposeResult
from textual.binding import ActiveBinding, Binding
from textual.content import Content
from textual.geometry import Region, Size
from textual.widget import Widget

import filesend_tui.widgets
from filesend_tui.core import events
from filesend_tui.core.events import (
    Direction,
    FileEntry,
    History,
    PausedBy,
    PeerEntry,
    Result,
    RoadTried,
    SessionId,
    TransferPhase,
    Unfinished,
)
from filesend_tui.state.people.everybody import Person, Standing
from filesend_tui.state.picked import Picked, Weight
from filesend_tui.state.request_choice import RequestChoice
from filesend_tui.state.store import Store
from filesend_tui.state.views import (
    Level,
    Notice,
    OwnCode,
    ShareRow,
    TalkLine,
    TransferDetail,
    TransferRow,
)
from filesend_tui.theme import THEMES
from filesend_tui.widgets.bars.key_bar import KeyBar
from filesend_tui.widgets.bars.notice_bar import NoticeBar
from filesend_tui.widgets.bars.request_bar import RequestBar
from filesend_tui.widgets.bars.talk_bar import TalkBar, TalkField, TalkHistory
from filesend_tui.widgets.bars.top_bar import Place, TopBar
from filesend_tui.widgets.code_card import CodeCard, QrCode, Sharing
from filesend_tui.widgets.fields.code_field import CodeField
from filesend_tui.widgets.fields.completing_field import CompletingField
from filesend_tui.widgets.fields.filter_field import FilterField
from filesend_tui.widgets.fields.folder_field import FolderField
from filesend_tui.widgets.fields.path_field import PathField
from filesend_tui.widgets.fields.rate_field import RateField
from filesend_tui.widgets.history_list import HistoryList
from filesend_tui.widgets.ink import Inked
from filesend_tui.widgets.line_list import LineList
from filesend_tui.widgets.pane import Pane
from filesend_tui.widgets.people_list import PeopleList
from filesend_tui.widgets.picker.folder import FolderEntry
from filesend_tui.widgets.picker.folder_list import FolderList
from filesend_tui.widgets.picker.glimpse import Glimpse
from filesend_tui.widgets.picker.picker_list import PickerList
from filesend_tui.widgets.picker.preview import Preview
from filesend_tui.widgets.request_tree import RequestTree
from filesend_tui.widgets.transfers.file_progress import FileProgressList, file_rows
from filesend_tui.widgets.transfers.peer_lines import PeerLines
from filesend_tui.widgets.transfers.piece_strip import PieceStrip
from filesend_tui.widgets.transfers.rate_graph import RateGraph
from filesend_tui.widgets.transfers.road_lines import RoadLines
from filesend_tui.widgets.transfers.share_link import ShareLink
from filesend_tui.widgets.transfers.transfer_list import TransferList
from filesend_tui.widgets.turning import Turning
from filesend_tui.widgets.unfinished_list import UnfinishedList
from filesend_tui.widgets.words import Words
from tests.tui.moments import (
    MAGNET,
    arrived,
    asked,
    phase,
    receiving,
    sending,
    shared,
    wave,
)
from tests.tui.scripted import CODE

#: Names as peers may send them: wide, long, of marks, and of nothing.
NAMES = ("a", "日本語のファイル名" * 9, "🍋" * 40, "é́́" * 30, "", "x" * 300)
WIDEST, HIGHEST = 300, 100


#: Sizes up to this are drawn in each state.
SMALL = Size(12, 6)


# -- widgets by themselves

State = Callable[[Any], None]


@dataclass(frozen=True)
class Drawn:
    """How to make a widget, and what puts it into each of its states."""

    make: Callable[[], Widget]
    states: tuple[State, ...]


def _tells(sharing: Sharing) -> State:
    def tell(card: CodeCard) -> None:
        card.show(OwnCode(CODE, 99.0), "", 1.0, sharing)
        card.pack(dense=False, told=True)

    return tell


def _rows() -> list[TransferRow | ShareRow]:
    store = Store()
    happened: list[events.Event] = []
    for direction in Direction:
        for number, to in enumerate(TransferPhase):
            name = f"{direction}{number}"
            files = (FileEntry(path=NAMES[number % 6] or "f", size=10**number),)
            happened += [*asked(name, files, direction), phase(name, to, direction, "because " * 9)]
    happened += [*receiving("r"), *sending("s"), *receiving("d"), *arrived("d"), *shared()]
    happened += [events.Hashing(progress=0.4, total_bytes=1)]
    for event in happened:
        store.apply(event, 1.0)
    with store.doing("x"):
        rows: list[TransferRow | ShareRow] = [*store.transfers, *store.shares.rows.values()]
    halted = [
        replace(store.rows[name], id=f"{name}-halted", paused_by=by)
        for name in ("r", "s")
        for by in PausedBy
    ]
    halted += [
        replace(row, id=f"{row.id}-halted", paused_by=PausedBy.BOTH) for row in store.running
    ]
    stalled = replace(store.rows["r"], id="still", stalled=True, time_remaining=9e9)
    rows.append(ShareRow("", "", 10**12, progress=0.4, waited="12:34"))
    waits = [
        replace(row, id=f"{row.id}-waits", waits="The disk " * 9, waits_hint="See.", waited="1:02")
        for row in rows
        if isinstance(row, TransferRow) and not row.ended
    ]
    halted += [
        replace(row, id=f"{row.id}-queued", queued=10**n) for n, row in enumerate(store.running)
    ]
    resting = replace(store.rows["r"], id="resting", stalled=True, paused_files=(0,))
    away = [replace(row, id=f"{row.id}-away", away=True) for row in store.transfers]
    late = replace(store.rows["s"], id="t", progress=7.0, time_remaining=None)
    return [*rows, *halted, *away, resting, stalled, *waits, late]


def _shows(*values: Any, **named: Any) -> State:
    return lambda widget: widget.show(*values, **named)


def _turns(by: int) -> State:
    return lambda widget: widget.action_turn(by)


def _texts(*texts: str) -> tuple[State, ...]:
    return tuple(lambda widget, text=text: setattr(widget, "value", text) for text in texts)


def _hints(*words: str) -> Iterable[ActiveBinding]:
    return [
        ActiveBinding(App(), Binding(word[:1].lower() or "x", f"do{n}", word), True, "")
        for n, word in enumerate(words)
    ]


ROWS = _rows()
LONG = "Both routers give a new port to everyone, so the relay carries it. " * 3
TRIED = RoadTried(road="direct", outcome="failed", message="failed: [b]no answer[/b]")
PEER = PeerEntry(
    address="192.0.2.7:51413",
    client="x",
    road="webrtc",
    progress=0.5,
    download_bytes_per_second=1e12,
    upload_bytes_per_second=0.0,
)
RECEIVED = next(row for row in ROWS if isinstance(row, TransferRow) and row.id == "r")
SHARES = [row for row in ROWS if isinstance(row, ShareRow)]
FOLDER = [
    FolderEntry(
        prefix=str(Path.cwd()),
        name=name or "x",
        is_folder=n % 2 == 0,
        size=None if n % 2 == 0 else 10**n,
        modified=None if n == 3 else 1e9 * n,
        is_link=n > 3,
        refusal="a link in a circle" if n == 4 else "",
        folded=name,
        natural=(name,),
    )
    for n, name in enumerate(NAMES)
]
PICKED = Picked()
PICKED.add({FOLDER[0].path: None, FOLDER[1].path: Weight(1, 1)})
PICKED.refuse({FOLDER[1].path: "was replaced after it was chosen"})
PAST = [
    History(
        direction=Direction.SEND if n % 2 else Direction.RECEIVE,
        partner=NAMES[1] if n % 3 else "",
        result=result,
        reason=name if n % 2 else "",
        names=(name, *NAMES[:n]),
        total_bytes=n * 10**9,
        folder=f"/{name}" if n else "",
        began=0.0,
        ended=1e9 * n,
        road="" if n else "direct",
    )
    for n, (result, name) in enumerate(itertools.product(Result, NAMES))
]


LEFT = [
    Unfinished(
        session=SessionId("a" * 16),
        transfer=f"{n}",
        direction=direction,
        phase=phase_,
        partner=NAMES[n % 6],
        name=NAMES[(n + 1) % 6],
        count=10**n,
        total_bytes=10 ** (2 * n),
        folder=f"/{NAMES[n % 6]}" if direction is Direction.RECEIVE else None,
        relay="http://127.0.0.1:8421",
        updated=1e9 * n,
        running=n % 3 == 0,
    )
    for n, (direction, phase_) in enumerate(
        itertools.product(Direction, (TransferPhase.ASKED, *list(TransferPhase)[3:6]))
    )
]


PEOPLE = [
    Person(
        key=f"{n}",
        name=name,
        standing=standing,
        shown=n % 2 == 0 and standing is Standing.HERE,
        waited="12:34" if standing is Standing.CALLED else "",
        last_seen=1e9 * n if n % 3 else None,
    )
    for n, (standing, name) in enumerate(itertools.product(Standing, NAMES))
]


def _entries(found: list[History], part: str) -> State:
    return lambda widget: widget.show_entries(found, part)


def _looks(entry: FolderEntry | None, *found: Glimpse | str) -> State:
    """A preview after it looked, which here it does not by itself."""

    def look(widget: Preview) -> None:
        widget._entry, widget._glimpse, widget._problem = entry, None, ""
        for each in found:
            if isinstance(each, str):
                widget._problem = each
            else:
                widget._glimpse = each
        widget.redraw()

    return look


DRAWN: dict[type[Widget], Drawn] = {
    RateGraph: Drawn(
        RateGraph,
        tuple(_shows(tuple(rates)) for rates in ((), (0.0,), wave(), wave(300), [1e15, 0.1])),
    ),
    PieceStrip: Drawn(
        PieceStrip,
        (
            _shows(b"", 0, 0, whole=False),
            _shows(b"", 0, 0, whole=True),
            _shows(b"\xa5" * 40, 317, 4_194_304, whole=False),
            _shows(b"\xa5" * 40, 317, 4_194_304, whole=True),
            _shows(b"\x80", 1, 1, whole=False),
        ),
    ),
    PeerLines: Drawn(
        PeerLines,
        tuple(_shows(peers) for peers in ((), (PEER,), tuple(replace(PEER) for _ in range(120)))),
    ),
    RoadLines: Drawn(
        RoadLines,
        (
            _shows(RECEIVED, ()),
            _shows(replace(RECEIVED, road="relayed", why=LONG, why_hint=LONG), (TRIED,) * 3),
            _shows(replace(RECEIVED, road="[red]x[/]", why="[b]", why_hint="[/b]"), (TRIED,)),
        ),
    ),
    FileProgressList: Drawn(
        FileProgressList,
        tuple(
            _shows(file_rows(row, detail))
            for row in (
                RECEIVED,
                replace(RECEIVED, files=(), accepted=None),
                replace(RECEIVED, paused_files=tuple(range(len(RECEIVED.files)))),
            )
            for detail in (TransferDetail(), TransferDetail(file_progress=(0.4,) * len(row.files)))
        ),
    ),
    TransferList: Drawn(
        TransferList,
        (_shows([]), _shows(ROWS), _shows(ROWS[::-1], cursor=3), _shows(ROWS[-2:])),
    ),
    HistoryList: Drawn(
        HistoryList,
        (_entries([], ""), _entries([], "x"), _entries(PAST, ""), _entries(PAST[::-1], "a")),
    ),
    UnfinishedList: Drawn(UnfinishedList, (_shows([]), _shows(LEFT), _shows(LEFT[::-1]))),
    PeopleList: Drawn(PeopleList, (_shows([]), _shows(PEOPLE), _shows(PEOPLE[::-1], cursor=3))),
    ShareLink: Drawn(
        ShareLink,
        tuple(
            _shows(share)
            for share in (*SHARES, replace(SHARES[0], link=f"https://instant.io/#{MAGNET}"))
        ),
    ),
    CodeCard: Drawn(
        CodeCard,
        (
            _shows(None, "Your code comes in a moment…", 1.0),
            _shows(OwnCode(CODE, 99.0), "", 1.0),
            _shows(OwnCode("123456-blacksmith-wheelbarrow", 9e9), "", 1.0),
            _shows(OwnCode(CODE, 99.0), "", 100.0),
            *(
                _shows(OwnCode("", 99.0, gone=why), "", 1.0)
                for why in ("burned", "expired", "joined", "relay")
            ),
            _shows(OwnCode(CODE, 99.0, claimed=True), "", 1.0),
            _shows(OwnCode(CODE, 99.0, replaced="relay"), "", 1.0),
            _shows(OwnCode(CODE, 99.0, replaced="joined"), "", 1.0),
            _tells(Sharing(f"filesend receive {CODE}", "on this network")),
            _tells(Sharing(f"filesend receive {CODE}@{'x' * 300}", NAMES[1])),
            _tells(Sharing(f"filesend receive {CODE}", "here", f"http://x.example/r#{CODE}")),
            _tells(Sharing(f"filesend receive {CODE}", "here", f"http://{'x' * 300}/r#{CODE}")),
        ),
    ),
    QrCode: Drawn(QrCode, tuple(_shows(text) for text in ("", CODE, MAGNET, "x" * 5000))),
    CodeField: Drawn(
        lambda: CodeField(lambda _: ["7-apple-violin"]), _texts("", "7-app", "x" * 64, NAMES[1])
    ),
    CompletingField: Drawn(CompletingField, _texts("", *NAMES)),
    PathField: Drawn(PathField, _texts("", *NAMES)),
    TalkField: Drawn(TalkField, _texts("", *NAMES)),
    NoticeBar: Drawn(
        NoticeBar,
        (
            _shows(None),
            *(_shows(Notice(level, name, NAMES[1])) for level in Level for name in NAMES[:2]),
        ),
    ),
    KeyBar: Drawn(KeyBar, (_shows([]), _shows(_hints("Send", "Open a folder", *NAMES[:2])))),
    Place: Drawn(lambda: Place("pair", "p", "Pair"), (_shows("pair"), _shows("send"))),
    RequestTree: Drawn(
        RequestTree,
        (
            _shows([]),
            *(
                _shows(RequestChoice([FileEntry(path=path, size=7) for path in paths]).rows())
                for paths in (
                    [name or ".x/y" for name in NAMES],
                    ["/".join("abcdefghijk"[n:]) + NAMES[1] for n in range(11)],
                )
            ),
        ),
    ),
    RequestBar: Drawn(
        RequestBar,
        (
            _shows(()),
            _shows((RECEIVED,)),
            _shows((replace(RECEIVED, partner=NAMES[1], name=NAMES[5]), RECEIVED)),
            _shows((RECEIVED, *(replace(RECEIVED, partner=name) for name in NAMES))),
        ),
    ),
    TalkHistory: Drawn(
        TalkHistory,
        (
            _shows((), 3),
            _shows(tuple(TalkLine("Ana", name, at="14:02") for name in NAMES), 3),
            _shows((TalkLine(NAMES[1], NAMES[5] * 9), TalkLine("", "Ana is here.")), 40),
            _shows((TalkLine("Ana", "yes", outgoing=True, to=NAMES[1]),), 3),
        ),
    ),
    FolderField: Drawn(FolderField, _texts("", *NAMES)),
    RateField: Drawn(lambda: RateField(""), _texts("", "1.5 MB/s", *NAMES)),
    Turning: Drawn(lambda: Turning(NAMES, NAMES[1]), tuple(_turns(n) for n in (1, 1, -1))),
    PickerList: Drawn(
        lambda: PickerList(PICKED), (_shows([]), _shows(FOLDER), _shows(FOLDER[::-1], cursor=3))
    ),
    FolderList: Drawn(FolderList, (_shows([]), _shows([f"/{name}" for name in NAMES]))),
    FilterField: Drawn(FilterField, _texts("", *NAMES)),
    Preview: Drawn(
        Preview,
        (
            _looks(None),
            *(_looks(entry) for entry in FOLDER),
            _looks(FOLDER[1], Glimpse("text", NAMES[1], lines=NAMES)),
            _looks(FOLDER[0], Glimpse("folder", "", (), 1, 10**9, True, NAMES)),
            _looks(FOLDER[0], "the disk does not answer"),
        ),
    ),
    Words: Drawn(
        Words, tuple(_shows(Content.assemble((name, "bold"), "\n", name)) for name in NAMES)
    ),
}
#: What draws nothing by itself: what others are made of, and what only holds others.
HOLD_OTHERS = {Inked, LineList, TopBar, Pane, TalkBar}


def test_no_widget_is_left_out() -> None:
    found: set[type[Widget]] = set()
    for module in pkgutil.walk_packages(filesend_tui.widgets.__path__, "filesend_tui.widgets."):
        for value in vars(importlib.import_module(module.name)).values():
            ours = isinstance(value, type) and value.__module__ == module.name
            if ours and issubclass(value, Widget):
                found.add(value)
    assert found == set(DRAWN) | HOLD_OTHERS


class Alone(App[None]):
    """One widget and nothing else, in the app's colours."""

    CSS_PATH = Path(filesend_tui.widgets.__path__[0]).parent / "app.tcss"

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name

    def compose(self) -> ComposeResult:
        yield self.widget


def draw(widget: Widget, size: Size, states: Iterable[State]) -> None:
    """Draw states of a widget at a size, each after the other."""
    styles, screen = widget.styles, widget.screen
    styles.width = styles.min_width = styles.max_width = size.width
    styles.height = styles.min_height = styles.max_height = size.height
    screen._clear_arrangement_cache()
    screen._compositor.reflow(screen, screen.size)
    size = widget.region.size  # more than it was given where padding and border alone take more
    widget._size_updated(size, size, size)
    if isinstance(widget, LineList):
        widget.on_resize()
    for state in states:
        state(widget)
        if widget.display:
            lines = widget.render_lines(Region(0, 0, size.width, size.height))
            assert [line.cell_length for line in lines] == [size.width] * size.height
        assert widget.get_content_width(size, size) >= 0
        assert widget.get_content_height(size, size, size.width) >= 0


every_widget = pytest.mark.parametrize("kind", DRAWN, ids=lambda kind: kind.__name__)


@every_widget
async def test_every_widget_in_every_state(kind: type[Widget]) -> None:
    states, widget = DRAWN[kind].states, DRAWN[kind].make()
    in_turn = itertools.cycle(states)
    async with Alone(widget).run_test(size=(WIDEST, HIGHEST)):
        for width in range(1, SMALL.width + 1):
            for height in range(1, SMALL.height + 1):
                draw(widget, Size(width, height), states)
        for width in range(SMALL.width + 1, WIDEST + 1):
            draw(widget, Size(width, 3), [next(in_turn)])
        for height in range(SMALL.height + 1, HIGHEST + 1):
            draw(widget, Size(80, height), [next(in_turn)])
        # What pads it may leave it lines without a cell, and no line at all.
        widget.styles.padding = 1
        for width, height in itertools.product(range(1, 5), repeat=2):
            draw(widget, Size(width, height), states)


@pytest.mark.fuzz
@every_widget
async def test_every_widget_anywhere(kind: type[Widget]) -> None:
    states, widget = DRAWN[kind].states, DRAWN[kind].make()
    async with Alone(widget).run_test(size=(WIDEST, HIGHEST)):

        @settings(max_examples=settings().max_examples // 10)
        @given(st.integers(1, WIDEST), st.integers(1, HIGHEST), st.sampled_from(states))
        def anywhere(width: int, height: int, state: State) -> None:
            draw(widget, Size(width, height), [state])

        anywhere()
