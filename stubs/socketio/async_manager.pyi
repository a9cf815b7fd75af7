from typing import Any

class AsyncManager:
    rooms: dict[str, dict[str | None, Any]]
    eio_to_sid: dict[str, Any]
    callbacks: dict[str, Any]
    pending_disconnect: dict[str, list[str]]

    def sid_from_eio_sid(self, eio_sid: str, namespace: str) -> str | None: ...
    def eio_sid_from_sid(self, sid: str, namespace: str) -> str | None: ...
