from collections.abc import Awaitable, Callable
from typing import Any

class AsyncSocket:
    # What the server's create_queue returned.
    queue: Any
    closed: bool
    # When the ping was sent that is not answered yet, in seconds since 1970.
    last_ping: float | None
    # Methods that the relay puts its own in place of.
    poll: Callable[..., Awaitable[list[Any]]]
    check_ping_timeout: Callable[..., Awaitable[bool]]

    async def close(
        self, wait: bool = True, abort: bool = False, reason: str | None = None
    ) -> None: ...
