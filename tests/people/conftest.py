"""Helpers for people tests: a socket.io server that misbehaves, and a link that notes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import socketio
import uvicorn

from filesend_tui.core.people.relay_link import LinkState, RelayLink
from relay.protocol import Word
from relay.server import listen


class NotingLink(RelayLink):
    """A real link that notes what it was told, for tests to wait on."""

    def __init__(self) -> None:
        self.words: list[Word] = []
        self.states: list[LinkState] = []
        self._changed = asyncio.Event()
        super().__init__(self._note_word, self._note_state)

    def _note_word(self, word: Word) -> None:
        self.words.append(word)
        self._changed.set()

    def _note_state(self, state: LinkState) -> None:
        self.states.append(state)
        self._changed.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def hostile_relay(
    on_word: Callable[[socketio.AsyncServer, str, str, Any], Awaitable[Any]],
) -> AsyncIterator[str]:
    """Serve a socket.io server that answers every word as `on_word(server, event, sid, data)`."""
    server = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*")

    async def handle(event: str, sid: str, data: Any = None) -> Any:
        return await on_word(server, event, sid, data)

    server.on("*", handle)
    with listen("127.0.0.1", 0) as listener:
        config = uvicorn.Config(
            socketio.ASGIApp(server), log_config=None, lifespan="off", timeout_graceful_shutdown=1
        )
        web = uvicorn.Server(config)
        web.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        serving = asyncio.create_task(web.serve([listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            web.should_exit = True
            await serving


@pytest.fixture
async def links() -> AsyncIterator[Callable[[str], Awaitable[NotingLink]]]:
    """Return a maker of connected links, all closed at the end."""
    made: list[NotingLink] = []

    async def make(url: str) -> NotingLink:
        link = NotingLink()
        made.append(link)
        await link.connect(url)
        return link

    yield make
    for link in made:
        await link.close()
