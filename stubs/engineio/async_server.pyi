from collections.abc import Callable
from typing import Any

from .async_socket import AsyncSocket

class AsyncServer:
    sockets: dict[str, AsyncSocket]
    ping_interval: float
    ping_timeout: float
    # A method that the relay puts its own in place of.
    create_queue: Callable[..., Any]
