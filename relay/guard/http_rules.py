"""Which HTTP the relay takes: one request a connection, a GET or HEAD with nothing behind it.

All that is asked for over HTTP here is a WebSocket or a few lines of text. What a proxy in front
could read otherwise than the relay (RFC 9112, section 11.2, request smuggling) has no use here, and
so is refused where h11 would be lenient. What is answered never lives here.
"""

from __future__ import annotations

import re
from typing import Final

import h11

#: Bytes of a request, and its header fields. Browsers send 2 KiB in 20, proxies add some.
MAX_HEAD: Final = 16 * 1024
MAX_FIELDS: Final = 100

_METHODS: Final = (b"GET", b"HEAD")
_VERSIONS: Final = (b"1.0", b"1.1")
# No path here needs an escape, and each is another way to write one that a proxy keeps to itself.
_TARGET: Final = re.compile(rb"/[\w.~/-]*(?:\?[!\"$-~]*)?")
# A line feed alone, a return alone, a folded line, a control character.
_BROKEN: Final = re.compile(
    rb"(?<!\r)\n|(?<=\r)[^\n]|(?<=\n)[ \t]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)
# Either says that there is a body.
_OF_BODIES: Final = (b"transfer-encoding", b"expect")
_CLOSE: Final = (b"connection", b"close")


class OneRequest(h11.Connection):
    """The server's side of a connection that takes one request, and closes when it is answered.

    What comes behind the request is not kept. Every response says `Connection: close`.
    """

    def __init__(self) -> None:
        super().__init__(h11.SERVER, MAX_HEAD)
        self._size = 0
        self._last = b"\n"
        self._fault: str | None = None
        self._asked = False

    def receive_data(self, data: bytes) -> None:
        """Take what came, unless the request was already there."""
        if not self._asked and self._fault is None:
            self._fault = self._broken(data)
            if self._fault is None:
                super().receive_data(data)

    def next_event(self) -> h11.Event | type[h11.NEED_DATA | h11.PAUSED]:
        """Return what came, as h11 does.

        Raises:
            h11.RemoteProtocolError: The request is not taken.
        """
        if self._fault is None:
            event = super().next_event()
            if not isinstance(event, h11.Request):
                return event
            self._asked = True
            behind, _ = self.trailing_data
            self._fault = fault_of(event) or ("something behind it" if behind else None)
            if self._fault is None:
                return event
        raise h11.RemoteProtocolError(self._fault)

    def send_with_data_passthrough(self, event: h11.Event) -> list[bytes] | None:
        """Return the bytes of an event, as h11 does; a response also says that this is the end."""
        if isinstance(event, h11.Response):
            kept = [field for field in event.headers if field[0] != _CLOSE[0]]
            event = h11.Response(
                status_code=event.status_code, reason=event.reason, headers=[*kept, _CLOSE]
            )
        return super().send_with_data_passthrough(event)

    def _broken(self, data: bytes) -> str | None:
        self._size += len(data)
        if self._size > MAX_HEAD:
            return "too long"
        if _BROKEN.search(self._last + data, 1):
            return "a line that is none"
        self._last = data[-1:] or self._last
        return None


def fault_of(request: h11.Request) -> str | None:
    """Say what is wrong with a request; None: it is taken. Pure."""
    fields = list(request.headers)
    upgrades = [value.lower() for name, value in fields if name == b"upgrade"]
    lengths = [value for name, value in fields if name == b"content-length"]
    faults = {
        "its method": request.method not in _METHODS,
        "its version": request.http_version not in _VERSIONS,
        "its target": not _TARGET.fullmatch(request.target),
        "too many fields": len(fields) > MAX_FIELDS,
        "a body": any(name in _OF_BODIES for name, _ in fields)
        or any(length != b"0" for length in lengths),
        "an upgrade": bool(upgrades)
        and (upgrades != [b"websocket"] or request.http_version == b"1.0"),
    }
    return next((fault for fault, is_so in faults.items() if is_so), None)
