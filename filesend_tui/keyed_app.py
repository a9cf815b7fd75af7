"""Key dispatch: one key at a time, each to the widget that has the focus when its turn comes.

Textual dispatches all keys that a terminal delivers at once before any widget has handled one. A
line typed ahead over a slow connection would then go, letter by letter, to the commands of the
place that its first key was to leave. And a key that a field does not handle is looked up in the
bindings of the screen shown by then. What keys do is not known here.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

from textual import events
from textual.app import App
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from filesend_tui.state.settling import Settling

#: Keys and pastes that wait for their turn; beyond that the oldest are dropped.
_MOST: Final = 4096
#: Seconds to wait for a key to be handled before the next has its turn: `_LOST` where the widget
#: that got it is gone, `_LONGEST` where it still runs (a place opens slowly on a busy machine).
_LOST: Final = 1.0
_LONGEST: Final = 10.0
#: Seconds within which the response to a key seems immediate.
_AT_ONCE: Final = 0.1

_Input: TypeAlias = events.Key | events.Paste


class KeyHandled(Message):
    """A marker that follows a key through the queues of the same widgets."""


class KeyedApp(App[None]):
    """An App that dispatches keys one at a time, never to a screen that appeared meanwhile.

    Args:
        clock: Seconds, monotonic.
        settle: Seconds without a key before keys count on content that appeared by itself.
    """

    def __init__(self, clock: Callable[[], float], settle: float) -> None:
        super().__init__()
        self.clock = clock
        self.settling = Settling(clock, settle)
        self._waiting: deque[_Input] = deque(maxlen=_MOST)
        self._out: tuple[_Input, Screen[object], Widget | None] | None = None
        self._out_since = 0.0
        self._watch: Timer | None = None
        self._press_is_void = False

    def came_up(self) -> None:
        """Note that the screen changed by itself: keys just pressed are not meant for it."""
        self.settling.changed()

    @property
    def takes_early(self) -> bool:
        """Whether the screen itself rejects keys that come too soon."""
        return False

    def expect_key(self, event: events.Key) -> None:
        """Inspect a key before it is dispatched, to move the focus if need be."""

    def takes_paste(self, event: events.Paste) -> bool:  # noqa: ARG002 - for the app
        """Take a paste meant for the app; return False to leave it to the focused widget."""
        return False

    async def let_through(self, event: events.Paste) -> None:
        """Deliver a paste that was taken to the focused widget after all."""
        await super().on_event(event)

    async def on_event(self, event: events.Event) -> None:
        """Queue keys and pastes; dispatch all other events as Textual does."""
        if isinstance(event, _Input) and not event.is_forwarded:
            self._waiting.append(event)
            if self._out is None:
                await self._deal()
            elif self._watch is None:
                self._watch = self.set_timer(_LOST, self._go_on)
        elif event.is_forwarded or not self._is_void(event):
            await super().on_event(event)

    def _is_void(self, event: events.Event) -> bool:
        """Return whether this belongs to a click that began on content that had just appeared."""
        if isinstance(event, events.MouseDown):
            self._press_is_void = bool(self.settling.wait)
            return self._press_is_void
        if isinstance(event, events.MouseUp) and self._press_is_void:
            self._press_is_void = False
            return True
        return False

    async def _deal(self) -> None:
        """Dispatch the next key that counts to the focused widget."""
        self._out = None
        while self._waiting and self._out is None:
            event = self._waiting.popleft()
            if isinstance(event, events.Key):
                if not self.settling.take_key() and not self.takes_early:
                    self.bell()
                    continue
                self.expect_key(event)
            elif self.settling.wait:
                self.bell()
                continue
            elif self.takes_paste(event):
                continue
            holder: Widget = self.focused or self.screen
            self._out, self._out_since = (event, self.screen, self.focused), time.monotonic()
            await super().on_event(event)
            # The marker passes every queue that the key passed, so the key is handled before it.
            if not holder.post_message(KeyHandled()):
                self._out = None

    async def _go_on(self) -> None:
        """Dispatch the next key if the last one timed out or its widget is gone."""
        self._watch = None
        if self._waiting and time.monotonic() - self._out_since >= self._patience:
            await self._deal()
        if self._waiting:
            self._watch = self.set_timer(_LOST, self._go_on)

    @property
    def _patience(self) -> float:
        """Seconds to wait for the widget that is handling a key."""
        if self._out is None:
            return 0.0
        _, screen, focused = self._out
        return _LONGEST if (focused or screen).is_running else _LOST

    async def on_key_handled(self) -> None:
        """Dispatch the next key, after the effect of the last one is drawn."""
        if self._out is not None and _is_text(self._out[0], self._out[2]):
            await self._deal()  # it only added text
        else:
            self.call_after_refresh(self._deal)

    async def after_keys(self) -> None:
        """Wait until the key in flight was handled, but no longer than a person notices.

        A key passes one widget after another, each with its own queue. A sender of many messages
        awaits this between batches, so that they do not delay the key in each queue.
        """
        # The widget that got the key may be gone, and never report it.
        while self._out is not None and time.monotonic() - self._out_since < _AT_ONCE:  # noqa: ASYNC110
            await asyncio.sleep(0.002)

    @property
    def keys_wait(self) -> bool:
        """Whether keys are queued."""
        return bool(self._waiting)

    def on_key(self, event: events.Key) -> None:
        """Keep an unhandled key from the bindings of a screen or focus that changed since."""
        if self._out is not None:
            key, screen, holder = self._out
            if key is event and screen is self.screen and holder is self.focused:
                return
        event.prevent_default()


def _is_text(event: _Input, holder: Widget | None) -> bool:
    """Return whether a field takes this as text."""
    if holder is None:
        return False
    if isinstance(event, events.Paste):
        return holder.check_consume_key("a", "a")
    return holder.check_consume_key(event.key, event.character)
