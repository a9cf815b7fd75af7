"""The event stream: one publisher and any number of readers; a slow reader delays no other."""

from __future__ import annotations

import asyncio
from collections import deque

from filesend_tui.core.events import Download, Event, Hashing, ProgressUpdate, SwarmState, Upload

#: Figures of which only the newest matters; a slow reader loses old ones first.
_FIGURES = (Download, Upload, SwarmState, ProgressUpdate, Hashing)
#: Most figures queued for one reader.
_BACKLOG = 2048


class Subscription:
    """One reader of the stream: an async iterator that ends when it or the stream is closed.

    only: the kinds of events that it wants; all of them where that is empty.
    """

    def __init__(self, stream: EventStream, only: tuple[type[Event], ...] = ()) -> None:
        self._stream = stream
        self._only = only
        self._events: deque[Event] = deque()
        self._figures = 0
        self._wake = asyncio.Event()
        self._closed = False

    def _push(self, event: Event) -> None:
        if self._only and not isinstance(event, self._only):
            return
        if isinstance(event, _FIGURES):
            if self._figures >= _BACKLOG:
                # A reader this far behind needs only the newest figures; other events are kept.
                self._events = deque(e for e in self._events if not isinstance(e, _FIGURES))
                self._figures = 0
            self._figures += 1
        self._events.append(event)
        self._wake.set()

    def _end(self) -> None:
        self._closed = True
        self._wake.set()

    def close(self) -> None:
        """Stop reading; events that were not read are dropped."""
        self._events.clear()
        self._figures = 0
        self._stream._readers.discard(self)
        self._end()

    @property
    def waiting(self) -> int:
        """The number of events that wait to be read."""
        return len(self._events)

    async def some(self, most: int) -> list[Event]:
        """Return the next events, at least one and at most `most`; none once it has ended."""
        await self._until_any()
        return [self._pop() for _ in range(min(most, len(self._events)))]

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Event:
        await self._until_any()
        if not self._events:
            raise StopAsyncIteration
        return self._pop()

    def _pop(self) -> Event:
        event = self._events.popleft()
        self._figures -= isinstance(event, _FIGURES)
        return event

    async def _until_any(self) -> None:
        """Wait for an event or the end of the stream."""
        while not self._events and not self._closed:
            self._wake.clear()
            await self._wake.wait()


class EventStream:
    """A publisher that hands every event to every reader, in order."""

    def __init__(self) -> None:
        self._readers: set[Subscription] = set()
        self._closed = False

    def subscribe(self, *only: type[Event]) -> Subscription:
        """Return a new reader that sees every event from now on, or those of these kinds alone.

        Who reads late should say what it waits for: what waits to be read is kept.
        """
        reader = Subscription(self, only)
        if self._closed:
            reader._end()
        else:
            self._readers.add(reader)
        return reader

    def publish(self, event: Event) -> None:
        """Hand the event to every reader; never waits."""
        for reader in self._readers:
            reader._push(event)

    def close(self) -> None:
        """End the stream: readers get what is queued, then their iteration ends."""
        self._closed = True
        for reader in self._readers:
            reader._end()
        self._readers.clear()
