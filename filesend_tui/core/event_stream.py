"""The event stream: one publisher, any number of readers, none of which can hold up another."""

from __future__ import annotations

import asyncio
from collections import deque

from filesend_tui.core.events import Download, Event, Hashing, ProgressUpdate, SwarmState, Upload

#: Figures of which only the newest matters; a slow reader loses old ones first.
_FIGURES = (Download, Upload, SwarmState, ProgressUpdate, Hashing)
_BACKLOG = 2048


class Subscription:
    """One reader of the stream: an async iterator that ends when the stream or it is closed."""

    def __init__(self, stream: EventStream) -> None:
        self._stream = stream
        self._events: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._closed = False

    def _push(self, event: Event) -> None:
        if len(self._events) >= _BACKLOG and isinstance(event, _FIGURES):
            # A reader this far behind needs the newest figures, not each of them; words are kept.
            self._events = deque(e for e in self._events if not isinstance(e, _FIGURES))
        self._events.append(event)
        self._wake.set()

    def _end(self) -> None:
        self._closed = True
        self._wake.set()

    def close(self) -> None:
        """Stop reading; events that were not read are dropped."""
        self._events.clear()
        self._stream._readers.discard(self)
        self._end()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            if self._closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._events.popleft()


class EventStream:
    """Hands every published event to every reader, in order."""

    def __init__(self) -> None:
        self._readers: set[Subscription] = set()
        self._closed = False

    def subscribe(self) -> Subscription:
        """Return a new reader that sees every event from now on."""
        reader = Subscription(self)
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
