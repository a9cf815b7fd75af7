"""How keys reach a screen: one after another, each to who had the keys when its turn came.

Textual deals out all keys that a terminal delivers at once before any widget has handled one. A
line typed ahead over a slow connection would then go, letter by letter, to the commands of the
place that its first key was to leave. And what a field does not take is looked up among the keys
of whatever is on the screen by then. What keys do is not known here.
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

#: Keys and pastes that wait for their turn; what comes beyond them is noise from a cat.
_MOST: Final = 4096
#: Seconds after which the next key has its turn where who had the last one is gone; and where they
#: are still at work on it: on a busy machine a place takes its time to come up.
_LOST: Final = 1.0
_LONGEST: Final = 10.0
#: Seconds in which an answer to a key seems to come at once.
_AT_ONCE: Final = 0.1

_Input: TypeAlias = events.Key | events.Paste


class KeyHandled(Message):
    """Goes after a key, through everybody that the key went to."""


class KeyedApp(App[None]):
    """An App whose keys go one after another, and to nobody who came up meanwhile.

    Args:
        clock: Seconds, monotonic.
        settle: Seconds without a key before keys count on what came up by itself.
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
        """What is on the screen changed by itself: a key in the air is not meant for it."""
        self.settling.changed()

    @property
    def takes_early(self) -> bool:
        """Whether the screen itself sees to keys that come too soon."""
        return False

    def expect_key(self, event: events.Key) -> None:
        """See a key in time to say which widget should get it."""

    def takes_paste(self, event: events.Paste) -> bool:  # noqa: ARG002 - for the app
        """Take a paste that is meant for the app; False: it goes to who has the keys."""
        return False

    async def let_through(self, event: events.Paste) -> None:
        """Give a paste that was taken to who has the keys after all."""
        await super().on_event(event)

    async def on_event(self, event: events.Event) -> None:
        """Let a key wait for its turn; deal out all else as Textual does."""
        if isinstance(event, _Input) and not event.is_forwarded:
            self._waiting.append(event)
            if self._out is None:
                await self._deal()
            elif self._watch is None:
                self._watch = self.set_timer(_LOST, self._go_on)
        elif event.is_forwarded or not self._is_void(event):
            await super().on_event(event)

    def _is_void(self, event: events.Event) -> bool:
        """Say whether this is of a click that began on what had just come up."""
        if isinstance(event, events.MouseDown):
            self._press_is_void = bool(self.settling.wait)
            return self._press_is_void
        if isinstance(event, events.MouseUp) and self._press_is_void:
            self._press_is_void = False
            return True
        return False

    async def _deal(self) -> None:
        """Give the next key that counts to who has the keys now."""
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
            # What follows a key has been everywhere that the key was, and finds it done.
            if not holder.post_message(KeyHandled()):
                self._out = None

    async def _go_on(self) -> None:
        """Give the next key its turn where the last one is lost, as its holder went meanwhile."""
        self._watch = None
        if self._waiting and time.monotonic() - self._out_since >= self._patience:
            await self._deal()
        if self._waiting:
            self._watch = self.set_timer(_LOST, self._go_on)

    @property
    def _patience(self) -> float:
        """Seconds for whoever has the key that is out."""
        if self._out is None:
            return 0.0
        _, screen, focused = self._out
        return _LONGEST if (focused or screen).is_running else _LOST

    async def on_key_handled(self) -> None:
        """The key was handled; what it asked for is shown first, and then comes the next key."""
        if self._out is not None and _is_text(self._out[0], self._out[2]):
            await self._deal()  # it asked for nothing
        else:
            self.call_after_refresh(self._deal)

    async def after_keys(self) -> None:
        """Wait until the key that is out was handled, but no longer than a person notices.

        A key goes through one widget after another, each with a queue of its own. What comes in
        masses and asks for this in between does not hold it up at each of them.
        """
        # Whoever has the key may be gone, and say nothing.
        while self._out is not None and time.monotonic() - self._out_since < _AT_ONCE:  # noqa: ASYNC110
            await asyncio.sleep(0.002)

    @property
    def keys_wait(self) -> bool:
        """Whether keys are under way."""
        return bool(self._waiting)

    def on_key(self, event: events.Key) -> None:
        """Keep a key that nobody took from the bindings of who was not there for it."""
        if self._out is not None:
            key, screen, holder = self._out
            if key is event and screen is self.screen and holder is self.focused:
                return
        event.prevent_default()


def _is_text(event: _Input, holder: Widget | None) -> bool:
    """Say whether a field takes this as a part of its text."""
    if holder is None:
        return False
    if isinstance(event, events.Paste):
        return holder.check_consume_key("a", "a")
    return holder.check_consume_key(event.key, event.character)
