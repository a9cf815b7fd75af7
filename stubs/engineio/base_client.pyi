import logging
from collections.abc import Mapping
from typing import Any

#: Every client that is connected, of this process.
connected_clients: list[Any]

class BaseClient:
    class reason:
        CLIENT_DISCONNECT: str
        SERVER_DISCONNECT: str
        TRANSPORT_ERROR: str

    def __init__(
        self,
        logger: bool | logging.Logger = False,
        json: Any = None,
        request_timeout: float = 5,
        http_session: Any = None,
        ssl_verify: bool = True,
        handle_sigint: bool = True,
        websocket_extra_options: Mapping[str, Any] | None = None,
        timestamp_requests: bool = True,
    ) -> None: ...
