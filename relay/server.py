"""The relay as a process: the listening socket, the ready line, a clean end."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from types import FrameType
from typing import Any, cast

import uvicorn

from relay import log_lines
from relay.app import LOOPBACK, RelayApp, create_app
from relay.bus.base import Bus
from relay.certificate import Certificate
from relay.guard.addresses import Proxies
from relay.guard.admission import Admission
from relay.guard.http_guard import HttpGuard
from relay.guard.limits import Limits
from relay.guard.tls_guard import TlsGuard
from relay.protocol.nearby import new_instance
from relay.starting import CannotStart, RelayOptions, described, prepare
from relay.stores.base import Stores
from relay.stun import udp_like
from relay.turn import TurnServers
from relay.web.page_key import SavedPages

logger = logging.getLogger(__name__)

#: Why the relay cannot listen, and what to do.
_REASONS = {
    errno.EADDRINUSE: (
        "the port is already in use",
        "Choose another with --port, or 0 for any free one.",
    ),
    errno.EADDRNOTAVAIL: (
        "this machine does not have that address",
        "Choose one of its own with --host, or :: for all.",
    ),
    errno.EACCES: ("not permitted", "Choose a port from 1024 on with --port."),
}
# Seconds between two looks whether another signal came.
_LOOK = 0.05
# Ports that are tried where any will do.
_TRIES = 8
_ANOTHER_HOST = "Choose an address of this machine with --host, or :: for all."


def listen(host: str, port: int) -> socket.socket:
    """Return a listening TCP socket; port 0 takes any that is free, of UDP too, which STUN has.

    `::` is all addresses, those of IPv4 too, where the system allows both on one socket.

    Raises:
        OSError: The address is taken, unknown or not ours.
    """
    family, *_, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    both = address[0] == "::" and socket.has_dualstack_ipv6()
    make = partial(socket.create_server, address[:2], family=family, dualstack_ipv6=both)
    listener = make()
    for _ in range(0 if port else _TRIES):
        if _is_free_for_udp(listener):
            break
        listener.close()
        listener = make()
    return listener


def _is_free_for_udp(listener: socket.socket) -> bool:
    try:
        udp_like(listener).close()
    except OSError:
        return False
    return True


class RelayServer(uvicorn.Server):
    """A server of a relay on a listening socket.

    limits, proxies, metrics_to, stores, turn, bus, pages, admission: as create_app takes them.
    certificate: for TLS; None: it speaks HTTP. announce_as: the name under which the networks of
    this machine are told of it; None: they are not. drain: seconds that SIGTERM gives everybody to
    go on elsewhere. on_ready: called with the URL once connections are answered. `should_exit =
    True`, from any thread, ends it within a moment; so do SIGINT and SIGTERM in the main thread.
    """

    def __init__(
        self,
        listener: socket.socket,
        *,
        limits: Limits | None = None,
        proxies: Proxies | None = None,
        metrics_to: Sequence[str] = LOOPBACK,
        stores: Stores | None = None,
        turn: TurnServers | None = None,
        certificate: Certificate | None = None,
        admission: Admission | None = None,
        pages: SavedPages | None = None,
        bus: Bus | None = None,
        announce_as: str | None = None,
        drain: float = 0.0,
        on_ready: Callable[[str], None] = lambda _url: None,
    ) -> None:
        self._drain = drain
        self._signals: list[int] = []
        limits = limits or Limits()
        self._certificate = certificate
        self._announce_as = announce_as
        self._beside: list[asyncio.Task[None]] = []
        self._app: RelayApp = create_app(
            limits,
            proxies,
            metrics_to,
            stores,
            turn,
            bus=bus,
            pages=pages,
            admission=admission,
            instance=announce_as,
        )
        self._listener = listener
        self._on_ready = on_ready
        super().__init__(
            uvicorn.Config(
                self._app,
                lifespan="on",
                http=cast("type[asyncio.Protocol]", self._protocol),
                # uvloop ignores a pause before it has begun to read, which tls_guard.py needs.
                loop="auto" if certificate is None else "asyncio",
                # uvicorn would accept a stranger's header; relay/guard/addresses.py handles them.
                proxy_headers=False,
                log_config=None,
                # It logs strangers' mistakes, frames and the ids of sessions; the app logs faults.
                log_level=logging.CRITICAL,
                access_log=False,
                server_header=False,
                ws_max_size=limits.max_frame,
                # A compressed frame may be a decompression bomb, and a compressor costs memory per
                # socket.
                ws_per_message_deflate=False,
                timeout_graceful_shutdown=max(1, round(limits.closing_grace)),
            )
        )

    @property
    def url(self) -> str:
        """The relay's URL, with the actual port."""
        host, port = self._listener.getsockname()[:2]
        scheme = "http" if self._certificate is None else "https"
        return f"{scheme}://{_place(host, port)}"

    def _protocol(self, **uvicorn: Any) -> asyncio.Protocol:
        """Return the protocol of a new connection, as uvicorn asks for one."""
        if (certificate := self._certificate) is None:
            return HttpGuard(self._app.guard, **uvicorn)
        return TlsGuard(self._app.guard, lambda: certificate.context, **uvicorn)

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until `should_exit` or a signal."""
        super().run(sockets or [self._listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve, then call `on_ready`."""
        await super().startup(sockets)
        await self._app.answer_stun(self._listener)
        logger.info("ready")
        if self._announce_as is not None:
            self._beside.append(asyncio.create_task(self._announce(self._announce_as)))
        if self._certificate is not None:
            self._beside.append(asyncio.create_task(self._certificate.keep()))
        self._on_ready(self.url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Notify everybody connected, then close."""
        logger.info("closing")
        for task in self._beside:
            task.cancel()
        if self._drain and self._signals[:1] == [signal.SIGTERM]:
            await self._drained()
        await self._app.say_closing()
        await super().shutdown(sockets)
        await asyncio.gather(*self._beside, return_exceptions=True)

    async def _drained(self) -> None:
        """Let nobody in, and everybody go on elsewhere; another signal ends that."""
        for server in self.servers:
            server.close()
        draining = asyncio.create_task(self._app.drain(self._drain))
        while not draining.done() and len(self._signals) == 1:
            await asyncio.wait({draining}, timeout=_LOOK)
        draining.cancel()
        await asyncio.gather(draining, return_exceptions=True)

    async def _announce(self, instance: str) -> None:
        try:
            # It takes a while, in which people are answered; and most relays need none of it.
            await asyncio.to_thread(import_module, "zeroconf.asyncio")
            from relay.announcement import Announcement

            await Announcement(self._listener, instance).run()
        except Exception as error:
            logger.warning("this relay is not announced on the network: %s", error)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Exit cleanly on a signal; a second SIGINT does not wait.

        uvicorn would raise the signal again after closing, and so end with a failure status.
        """
        self._signals.append(sig)
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def _place(host: str, port: int) -> str:
    """Return a host and a port as one, such as `[::1]:80` (RFC 3986, section 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def serve(options: RelayOptions, *, until_stdin_closes: bool = False) -> int:
    """Run a relay until a signal ends it; return the process's exit status.

    Prints one line on standard output when ready. until_stdin_closes: also end at the end of
    standard input, as when the parent that holds the other end of the pipe is gone.

    Raises:
        ValueError: A proxy or network is neither an address nor a network.
    """
    log_lines.set_up(options.log_level, options.log_format)
    try:
        prepared = prepare(options)
        listener = _listen(options)
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1
    with listener:
        reached = not ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback
        if options.announce and not reached:
            logger.warning("this relay is not announced: only this machine reaches it")
        announced = reached and options.announce is not False
        server = RelayServer(
            listener,
            **prepared._asdict(),
            metrics_to=LOOPBACK if options.metrics_to is None else options.metrics_to,
            announce_as=(options.announce_as or new_instance()) if announced else None,
            drain=options.drain,
            on_ready=_say_ready,
        )
        if until_stdin_closes:
            threading.Thread(target=_exit_at_end_of_stdin, args=(server,), daemon=True).start()
        server.run()
    return 0


def check(options: RelayOptions) -> int:
    """Read all that the options name, print what they say, and return an exit status.

    Nothing is served. Raises as `serve`.
    """
    try:
        prepare(options)
        _listen(options).close()
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1
    for line in described(options):
        print(line)
    print("A relay would start with this.")
    return 0


def _listen(options: RelayOptions) -> socket.socket:
    """Return the listening socket. Raises CannotStart."""
    try:
        return listen(options.host, options.port)
    except (OSError, UnicodeError) as error:  # UnicodeError: the host is not a valid name
        why, hint = _why(error)
        place = _place(options.host, options.port)
        raise CannotStart(f"FileSend relay cannot listen on {place}: {why}. {hint}") from error


def _why(error: OSError | UnicodeError) -> tuple[str, str]:
    """Return why the relay cannot listen, and what to do."""
    if isinstance(error, UnicodeError):
        return "that is no host's name", _ANOTHER_HOST
    # Our own text first: the system's differs by platform and repeats the address.
    return _REASONS.get(error.errno or 0) or (error.strerror or str(error), _ANOTHER_HOST)


def _say_ready(url: str) -> None:
    print(f"FileSend relay ready at {url}", flush=True)


def _exit_at_end_of_stdin(server: uvicorn.Server) -> None:
    # os.read and not sys.stdin: a thread that is blocked in the latter holds a lock that the
    # interpreter acquires when it ends.
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        pass  # closed or never open: the same as its end
    server.should_exit = True
