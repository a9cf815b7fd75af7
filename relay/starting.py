"""What a relay's process is started with, and what is made of that before it listens.

Whatever names a file that cannot be read, or that makes no sense, is told here, in a sentence. The
socket and the process itself are server.py's.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from relay.bus.base import Bus
from relay.certificate import Certificate, certificate_of
from relay.guard.addresses import Proxies
from relay.guard.admission import Admission
from relay.guard.limits import Limits, day_of
from relay.protocol.store import StoreUrl
from relay.protocol.words import DEFAULT_PORT
from relay.shared import shared_by, store_url
from relay.stores.base import Stores
from relay.turn import TurnServers, turn_servers
from relay.web.page_key import SavedPages, saved_pages

T = TypeVar("T")

#: Seconds in which a relay that is told to end lets everybody go on elsewhere.
DRAIN: Final = 10.0

# Descriptors besides the sockets of clients, with a margin.
_OTHER_FILES: Final = 64


class CannotStart(Exception):
    """A relay cannot be started; the text is a sentence that says why."""


class RelayOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a relay's process.

    host, port: where it listens; port 0: any free one. log_level; log_format: one of
    log_lines.FORMATS. trusted_proxies: addresses and networks whose `X-Forwarded-For` is trusted.
    metrics_to: likewise, who may read `/metrics`; this machine if None. allow_from: who may use it;
    everybody if there is none. ban_file: the file of those who may not (guard/admission.py).
    transit: bytes that are carried for an address in a day; 0: none, None: what Limits say. turn,
    turn_secret_file: URLs of TURN servers, and the file of the secret that they share with the
    relay. tls_cert, tls_key: PEM files of a certificate and its key, which may be in one file;
    newer ones are taken up. page_key_file: the file of the key by which pages from disk are let in,
    which is made where it is not there; None: none are. store, store_file: the server that keeps
    the state, or a file that holds its URL; the memory of this process where neither is named.
    drain: seconds that SIGTERM gives everybody to go on elsewhere.
    announce: tell the networks of this machine of the relay, by mDNS; None: where others reach it.
    announce_as: its name there; None: a new one.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    log_level: str = "warning"
    log_format: str = "text"
    trusted_proxies: Sequence[str] = ()
    metrics_to: Sequence[str] | None = None
    allow_from: Sequence[str] = ()
    ban_file: Path | None = None
    transit: int | None = None
    turn: Sequence[str] = ()
    turn_secret_file: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    page_key_file: Path | None = None
    store: StoreUrl | None = None
    store_file: Path | None = None
    drain: float = DRAIN
    announce: bool | None = None
    announce_as: str | None = None


class Prepared(NamedTuple):
    """What a server is made of; each as RelayServer takes it."""

    limits: Limits
    proxies: Proxies
    admission: Admission
    stores: Stores | None
    bus: Bus | None
    turn: TurnServers | None
    certificate: Certificate | None
    pages: SavedPages | None


def prepare(options: RelayOptions) -> Prepared:
    """Read and check all that the options name.

    Raises:
        CannotStart: Something of it cannot be read, or makes no sense.
        ValueError: A proxy or network is neither an address nor a network.
    """
    limits = limits_of(options)
    turn = _or_say(
        "cannot give out TURN credentials",
        lambda: turn_servers(options.turn, options.turn_secret_file),
    )
    url = _or_say("has no store", lambda: store_url(options.store, options.store_file))
    shared = None
    if url is not None:
        shared = _or_say("has no store", lambda: shared_by(url, limits))
    certificate = _or_say(
        "cannot speak TLS", lambda: certificate_of(options.tls_cert, options.tls_key)
    )
    pages = _or_say("cannot let saved pages in", lambda: saved_pages(options.page_key_file))
    admission = _or_say(
        "cannot shut anybody out", lambda: Admission(options.allow_from, options.ban_file)
    )
    return Prepared(
        limits=limits,
        proxies=Proxies(options.trusted_proxies),
        admission=admission,
        stores=shared.stores if shared is not None else None,
        bus=shared.bus if shared is not None else None,
        turn=turn,
        certificate=certificate,
        pages=pages,
    )


def limits_of(options: RelayOptions) -> Limits:
    """Return the limits, as far as this process can keep them."""
    limits = Limits()
    most = min(limits.max_connections, _room_for_sockets(limits.max_connections))
    changes: dict[str, Any] = {"max_connections": most}
    if options.transit is not None:
        changes["transit"] = bool(options.transit)
        if options.transit:
            changes["transit_day"] = day_of(options.transit)
    return msgspec.structs.replace(limits, **changes)


def described(options: RelayOptions) -> Iterator[str]:
    """Yield what the options say, a line each, for whoever checks them; nothing secret."""
    for name in options.__struct_fields__:
        value = getattr(options, name)
        if value is None or value == ():
            continue
        shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        yield f"{name} = {shown}"


def _or_say(cannot: str, make: Callable[[], T]) -> T:
    try:
        return make()
    except ValueError as error:
        raise CannotStart(f"FileSend relay {cannot}: {str(error).rstrip('.')}.") from None


def _room_for_sockets(wanted: int) -> int:
    """Return how many sockets this process can have beside its other descriptors.

    Systems limit a process to few open descriptors unless it raises the limit; at the limit no
    connection can be accepted.
    """
    if sys.platform == "win32":
        return wanted
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    asked = wanted + _OTHER_FILES
    if soft != unlimited and soft < asked:
        most = asked if hard == unlimited else min(asked, hard)
        # macOS has a limit of its own below the one that it reports.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    return wanted if soft == unlimited else max(1, soft - _OTHER_FILES)
