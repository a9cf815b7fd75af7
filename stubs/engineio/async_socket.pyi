from collections.abc import Awaitable, Callable
from typing import Any

class AsyncSocket:
    # What the server's create_queue returned.
    queue: Any
    # A method that the relay puts its own in place of.
    poll: Callable[..., Awaitable[list[Any]]]

    async def close(
        self, wait: bool = True, abort: bool = False, reason: str | None = None
    ) -> None: ...
