"""What all screens share: they read the store when the app says draw, and when they come up."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import ClassVar, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen

from filesend_tui.core.errors import FileSendError
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
ResultT = TypeVar("ResultT")


class BoxScreen(ModalScreen[ResultT]):
    """A box on top of whatever is shown, and its keys below. A subclass fills the box."""

    #: The group of the table of keys whose bindings it has.
    PLACE: ClassVar[str] = ""
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (9, "-low"), (20, "-roomy")]  # noqa: RUF012 - Textual's
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (81, "-wide")]  # noqa: RUF012 - Textual's

    def compose(self) -> ComposeResult:
        """The box and the keys."""
        with Vertical(id="box"):
            yield from self.compose_box()
        yield KeyBar()

    def compose_box(self) -> ComposeResult:
        """Yield what is in the box."""
        raise NotImplementedError

    def offer_keys(self) -> None:
        """Show the keys that make sense now."""
        for bar in self.query(KeyBar):
            bar.show(self.active_bindings.values())

    def on_mount(self) -> None:
        """Show the keys, and again whenever the focus goes elsewhere."""
        self.bindings_updated_signal.subscribe(self, lambda _: self.offer_keys())
        self.offer_keys()


class BoxEnd(Enum):
    """Why the box about a request closed."""

    ANSWERED = "answered"
    LATER = "later"
    GONE = "gone"


class RequestScreen(BoxScreen[BoxEnd]):
    """The question about one request of the partner's; approval.py asks it."""

    def draw(self) -> None:
        """Draw the store; close where the request is gone."""
        raise NotImplementedError

    def refuse(self, error: FileSendError) -> None:
        """Show why the answer could not be given."""
        raise NotImplementedError


class PlaceScreen(Screen[None]):
    """A place: top bar, body, who asks, notice, keys. A subclass makes the body and draws it.

    What is asked of a place is answered for one that is alone on its screen.
    """

    #: The place, and the group of the table of keys whose bindings it has.
    PLACE: ClassVar[str] = ""
    AUTO_FOCUS: ClassVar[str | None] = ""

    def __init__(self, store: Store, clock: Clock) -> None:
        super().__init__()
        self.store = store
        self.clock = clock

    def compose(self) -> ComposeResult:
        """Top bar, body, who asks, notice, keys."""
        yield TopBar()
        with Container(id="body"):
            yield from self.compose_body()
        yield RequestBar()
        yield NoticeBar()
        yield KeyBar()

    def compose_body(self) -> ComposeResult:
        """Yield what this place is for."""
        raise NotImplementedError

    @property
    def place(self) -> str:
        """The place of this screen that one is at."""
        return self.PLACE

    def shows(self, place: str) -> bool:
        """Say whether a place is on the screen."""
        return place == self.PLACE

    def go(self, place: str) -> None:
        """Go to one of the places of this screen, or to its talk."""

    def actor(self, place: str) -> DOMNode:  # noqa: ARG002 - for screens with several places
        """Return who has the actions of a place."""
        return self

    def expect_key(self, event: events.Key) -> None:
        """See a key before anything gets it, in time to say which widget should."""

    @property
    def shows_talk(self) -> bool:
        """Whether it shows what was said."""
        return False

    @property
    def reads_talk(self) -> bool:
        """Whether somebody looks at what was said, as far as a terminal tells."""
        return self.shows_talk and self.is_active and self.app.app_focus

    def may_drop(self) -> bool:
        """Say whether paths pasted now are files to be sent: not into a line that was begun."""
        return not (isinstance(self.focused, TalkField) and self.focused.value)

    def on_paste(self, event: events.Paste) -> None:
        """Nobody wanted it: say so where it was meant as paths, which then are not there."""
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
            return  # it comes up, or goes: its widgets are the last to come and the first to go
        store = self.store
        if self.reads_talk:
            store.read_talk()
        self.query_one(TopBar).show(self.place, store.relay, store.partner, store.unread)
        self.query_one(RequestBar).show(store.requests)
        self.query_one(NoticeBar).show(store.notice)
        self.draw_body()
        self.offer_keys()

    def offer_keys(self) -> None:
        """Show the keys that make sense now."""
        for bar in self.query(KeyBar):
            bar.show(self.active_bindings.values())

    def on_mount(self) -> None:
        """Draw at once, and the keys again whenever the focus goes elsewhere."""
        self.bindings_updated_signal.subscribe(self, lambda _: self.offer_keys())
        self.draw()

    def on_screen_resume(self) -> None:
        """Catch up with what happened while another screen was up."""
        self.draw()


class StorePane(Pane):
    """A pane that reads the store, and tells of what it did in the notice of its screen."""

    def __init__(self, store: Store, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.store = store

    def add_notice(self, level: Level, message: str, hint: str) -> None:
        """Say what happened, and what to do next."""
        self.store.add_notice(level, message, hint)
        if isinstance(self.screen, PlaceScreen):
            self.screen.draw()
