"""The HTTP that the relay accepts: one request per connection, a GET or HEAD with nothing after it.

HTTP is used here only for WebSockets and for a few lines of text. Anything that a proxy in front
could parse differently from the relay (RFC 9112, section 11.2, request smuggling) is of no use
here, and so is refused where h11 would be lenient. Responses never live here.
"""

from __future__ import annotations

import re
from typing import Final

import h11

#: Most bytes of a request, and header fields. Browsers send 2 KiB in 20, proxies add some.
MAX_HEAD: Final = 16 * 1024
MAX_FIELDS: Final = 100

_METHODS: Final = (b"GET", b"HEAD")
_VERSIONS: Final = (b"1.0", b"1.1")
# No path here needs an escape, which could disguise a path that a proxy does not forward.
_TARGET: Final = re.compile(rb"/[\w.~/-]*(?:\?[!\"$-~]*)?")
# A bare line feed, a bare carriage return, a folded line, a control character.
_BROKEN: Final = re.compile(
    rb"(?<!\r)\n|(?<=\r)[^\n]|(?<=\n)[ \t]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)
# Either announces a body.
_OF_BODIES: Final = (b"transfer-encoding", b"expect")
_CLOSE: Final = (b"connection", b"close")


class OneRequest(h11.Connection):
    """The server's side of a connection that takes one request, and closes when it is answered.

    Data after the request is discarded. Every response has `Connection: close`.
    """

    def __init__(self) -> None:
        super().__init__(h11.SERVER, MAX_HEAD)
        self._size = 0
        self._last = b"\n"
        self._fault: str | None = None
        self._asked = False

    def receive_data(self, data: bytes) -> None:
        """Buffer received data, unless the request was complete already."""
        if not self._asked and self._fault is None:
            self._fault = self._broken(data)
            if self._fault is None:
                super().receive_data(data)

    def next_event(self) -> h11.Event | type[h11.NEED_DATA | h11.PAUSED]:
        """Return the next event, as h11 does.

        Raises:
            h11.RemoteProtocolError: The request is refused.
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
        """Return the bytes of an event, as h11 does; a response gets `Connection: close`."""
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
    """Return what is wrong with a request; None if it is accepted. Pure."""
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
