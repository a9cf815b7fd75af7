"""Why a connection to an address failed: errors of the system and the libraries, for people.

An unknown name, a closed port, an untrusted certificate and another service at the port call for
different remedies. Nothing connects here.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final, NamedTuple

from filesend_tui.core.util.proxies import ProxyFailed


class Why(NamedTuple):
    """reason: a clause about the address, such as `nothing listens there`. hint: what to do;
    empty where the caller has a better one.
    """

    reason: str
    hint: str


_NETWORK: Final = "Check this machine's network, then try again."
_NO_WAY: Final = {
    getattr(errno, name)
    for name in ("ENETUNREACH", "EHOSTUNREACH", "ENETDOWN", "EHOSTDOWN", "EADDRNOTAVAIL")
    if hasattr(errno, name)
}


def why_unreached(error: BaseException) -> Why | None:
    """Return why an attempt to connect failed; None if no known cause applies.

    Args:
        error: Of aiohttp, websockets, ssl or the system, or an error that one of those caused.
    """
    for each in _chain(error):
        if (why := _why(each)) is not None:
            return why
    return None


def _why(error: BaseException) -> Why | None:  # noqa: PLR0911 - one return a cause
    if isinstance(error, ProxyFailed):
        return Why(error.reason, error.hint)
    status = _status(error)
    if status == HTTPStatus.FORBIDDEN:
        return Why(
            "it does not let this machine in (HTTP 403)",
            "Ask whoever runs it to let this network in, or use another one.",
        )
    if status is not None:
        return Why(
            f"something else answers there (HTTP {status})",
            "Check the address and the port; behind a proxy, that it passes WebSockets on.",
        )
    match error:
        case socket.gaierror(errno=socket.EAI_AGAIN):
            return Why("names cannot be looked up at the moment", _NETWORK)
        case socket.gaierror():
            return Why("no machine is known by this name", "Check how the name is spelled.")
        case ssl.SSLCertVerificationError():
            # aiohttp's own class has less detail than its cause.
            if not hasattr(error, "verify_message"):
                return None
            return Why(
                f"its certificate is not trusted ({error.verify_message})",
                "Check the address and this machine's clock; else whoever runs it must mend it.",
            )
        case ssl.SSLError():
            return Why(
                "it does not speak TLS", "Check the port, or write http:// where it has none."
            )
        case ConnectionRefusedError():
            return Why("nothing listens there", "")
        case ConnectionResetError() | BrokenPipeError():
            return Why("it hung up at once", "Check the address and the port.")
        case OSError() if error.errno in _NO_WAY:
            return Why("this machine has no way there", _NETWORK)
        case TimeoutError():
            return Why("nothing answers there in time", "Check the address, and any firewall.")
    return None


def _status(error: BaseException) -> int | None:
    """Return the HTTP status that came in place of a WebSocket, if one did."""
    # aiohttp's WSServerHandshakeError, and websockets' InvalidStatus.
    status = getattr(error, "status", None)
    if status is None:
        status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) and status else None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Iterate over an error and its causes."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        if isinstance(error, BaseExceptionGroup):
            for each in error.exceptions:
                yield from _chain(each)
        error = error.__cause__ or error.__context__
