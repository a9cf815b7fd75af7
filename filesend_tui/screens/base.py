"""What all screens share: they read the store when the app says draw, and when they come up."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import ModalScreen, Screen

from filesend_tui.core.errors import FileSendError
from filesend_tui.store import Store
from filesend_tui.widgets.dropped import looks_like_paths
from filesend_tui.widgets.key_bar import KeyBar
from filesend_tui.widgets.notice_bar import NoticeBar
from filesend_tui.widgets.talk_bar import TalkField
from filesend_tui.widgets.top_bar import TopBar

Clock = Callable[[], float]


class RequestScreen(ModalScreen[None]):
    """The question about one request of the partner's; approval.py asks it."""

    def draw(self) -> None:
        """Draw the store; close where the request is gone."""
        raise NotImplementedError

    def refuse(self, error: FileSendError) -> None:
        """Show why the answer could not be given."""
        raise NotImplementedError


class PlaceScreen(Screen[None]):
    """A place: top bar, body, notice, keys. A subclass makes the body and draws it."""

    MODE: ClassVar[str] = ""
    AUTO_FOCUS: ClassVar[str | None] = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.dismiss", "Hide notice", show=False),
    ]

    def __init__(self, store: Store, clock: Clock) -> None:
        super().__init__()
        self.store = store
        self.clock = clock

    def compose(self) -> ComposeResult:
        """Top bar, body, notice, keys."""
        yield TopBar(self.MODE)
        with Container(id="body"):
            yield from self.compose_body()
        yield NoticeBar()
        yield KeyBar()

    def compose_body(self) -> ComposeResult:
        """Yield what this place is for."""
        raise NotImplementedError

    def expect_key(self, event: events.Key) -> None:
        """See a key before anything gets it, in time to say which widget should."""

    def may_drop(self) -> bool:
        """Say whether paths pasted now are files to be sent: not into a line that was begun."""
        return not (isinstance(self.focused, TalkField) and self.focused.value)

    def on_paste(self, event: events.Paste) -> None:
        """Nobody wanted it: say so where it was meant as paths, which then are not there."""
        if looks_like_paths(event.text):
            from filesend_tui.dropping import not_there

            notice = not_there(event.text, "Drop files that are on this machine.")
            self.store.tell(notice.level, notice.message, notice.hint)
            self.draw()

    def draw_body(self) -> None:
        """Hand the store's values to the widgets of the body."""
        raise NotImplementedError

    def draw(self) -> None:
        """Draw the store; each widget draws only what changed."""
        if not (self.is_mounted and self.query(KeyBar)):
            return  # it comes up, or goes: its widgets are the last to come and the first to go
        store = self.store
        self.query_one(TopBar).show(store.relay, store.partner, len(store.requests))
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
