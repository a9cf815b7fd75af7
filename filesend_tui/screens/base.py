"""The base of all places, which read the store when the app draws and when they are shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.dom import DOMNode
from textual.screen import Screen

from filesend_tui.state.store import Store
from filesend_tui.state.views import Level
from filesend_tui.widgets.bars.key_bar import KeyBar
from filesend_tui.widgets.bars.notice_bar import NoticeBar
from filesend_tui.widgets.bars.request_bar import RequestBar
from filesend_tui.widgets.bars.talk_bar import TalkField
from filesend_tui.widgets.bars.top_bar import TopBar
from filesend_tui.widgets.pane import Pane
from filesend_tui.widgets.picker.dropped import looks_like_paths

Clock = Callable[[], float]


class PlaceScreen(Screen[None]):
    """A place: top bar, body, request bar, notice, keys. A subclass makes and draws the body.

    The defaults suit a place that is alone on its screen.
    """

    #: The place, and the group of the table of keys whose bindings it has.
    PLACE: ClassVar[str] = ""
    AUTO_FOCUS: ClassVar[str | None] = ""

    def __init__(self, store: Store, clock: Clock) -> None:
        super().__init__()
        self.store = store
        self.clock = clock

    def compose(self) -> ComposeResult:
        """Yield top bar, body, request bar, notice and keys."""
        yield TopBar()
        with Container(id="body"):
            yield from self.compose_body()
        yield RequestBar()
        yield NoticeBar()
        yield KeyBar()

    def compose_body(self) -> ComposeResult:
        """Yield the widgets of the body."""
        raise NotImplementedError

    @property
    def place(self) -> str:
        """The current place of this screen."""
        return self.PLACE

    def shows(self, place: str) -> bool:
        """Return whether a place is on the screen."""
        return place == self.PLACE

    def go(self, place: str) -> None:
        """Go to one of the places of this screen, or to its talk."""

    def actor(self, place: str) -> DOMNode:  # noqa: ARG002 - for screens with several places
        """Return the node that has the actions of a place."""
        return self

    def expect_key(self, event: events.Key) -> None:
        """Inspect a key before it is dispatched, to move the focus if need be."""

    @property
    def shows_talk(self) -> bool:
        """Whether it shows the talk."""
        return False

    @property
    def reads_talk(self) -> bool:
        """Whether the talk is shown, on the active screen, in a terminal that has the focus."""
        return self.shows_talk and self.is_active and self.app.app_focus

    def may_drop(self) -> bool:
        """Return whether pasted paths are files to send: not while a line of talk was begun."""
        return not (isinstance(self.focused, TalkField) and self.focused.value)

    def on_paste(self, event: events.Paste) -> None:
        """Handle a paste that no widget took: report paths that do not exist."""
        if looks_like_paths(event.text):
            from filesend_tui.screens.dropped_paths import not_there

            notice = not_there(event.text, "Drop files that are on this machine.")
            self.store.add_notice(notice.level, notice.message, notice.hint)
            self.draw()

    def draw_body(self) -> None:
        """Hand the store's values to the widgets of the body."""
        raise NotImplementedError

    def draw(self) -> None:
        """Draw the store; each widget draws only what changed."""
        if not (self.is_mounted and self.query(KeyBar)):
            return  # it is being mounted or removed: its widgets are mounted last and removed first
        store = self.store
        if self.reads_talk:
            store.read_talk()
        self.query_one(TopBar).show(
            self.place,
            store.relay,
            store.partner,
            store.absence,
            store.unread,
            limits=store.limits,
            others=store.others,
        )
        self.query_one(RequestBar).show(store.requests)
        self.query_one(NoticeBar).show(store.notice)
        self.draw_body()
        self.offer_keys()

    def offer_keys(self) -> None:
        """Show the keys that make sense now."""
        for bar in self.query(KeyBar):
            bar.show(self.active_bindings.values())

    def on_mount(self) -> None:
        """Draw at once, and update the keys whenever the focus moves."""
        self.bindings_updated_signal.subscribe(self, lambda _: self.offer_keys())
        self.draw()

    def on_screen_resume(self) -> None:
        """Draw what changed while another screen was shown."""
        self.draw()


class StorePane(Pane):
    """A pane that reads the store, and reports its actions in its screen's notice."""

    def __init__(self, store: Store, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.store = store

    def add_notice(self, level: Level, message: str, hint: str) -> None:
        """Show a notice: what happened, and what to do next."""
        self.store.add_notice(level, message, hint)
        if isinstance(self.screen, PlaceScreen):
            self.screen.draw()
