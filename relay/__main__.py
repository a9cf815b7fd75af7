"""`python -m relay`: the relay alone, without the rest of FileSend."""

from __future__ import annotations

import argparse
import ipaddress
import os
import re
import sys
from pathlib import Path
from typing import Any

from relay.log_lines import FORMATS
from relay.protocol.nearby import is_instance
from relay.protocol.store import IN_ARGUMENTS, StoreUrl, parse_store
from relay.protocol.turn import parse_turn_url
from relay.protocol.words import DEFAULT_PORT
from relay.server import check, serve
from relay.starting import DRAIN, RelayOptions

_LONGEST_LINE = 4096
_LOG_LEVELS = ("critical", "error", "warning", "info", "debug")


def main(arguments: list[str] | None = None) -> int:
    """Parse the options and serve; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m relay",
        description="Introduces people who send each other files, and tracks swarms.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=_port, default=DEFAULT_PORT, help="port, 0 for any free one (%(default)s)"
    )
    parser.add_argument("--log-level", choices=_LOG_LEVELS, default="warning")
    parser.add_argument("--log-format", choices=FORMATS, default="text")
    parser.add_argument(
        "--trusted-proxy",
        dest="trusted_proxies",
        action="append",
        type=_network,
        default=[],
        metavar="ADDRESS",
        help="a proxy, or a network of them, whose X-Forwarded-For is believed; may be repeated",
    )
    parser.add_argument(
        "--metrics-to",
        action="append",
        type=_network,
        metavar="ADDRESS",
        help="who may read /metrics, an address or a network (this machine); may be repeated",
    )
    parser.add_argument(
        "--allow-from",
        action="append",
        type=_network,
        default=[],
        metavar="ADDRESS",
        help="who may use it, an address or a network (everybody); may be repeated",
    )
    parser.add_argument(
        "--ban-file",
        type=Path,
        metavar="FILE",
        help="who may not: a network a line, and until when, such as 2027-01-31T12:00Z",
    )
    parser.add_argument(
        "--transit",
        type=_size,
        metavar="SIZE",
        help="what is carried for an address in a day, such as 5G, or off (20G)",
    )
    parser.add_argument(
        "--turn",
        action="append",
        type=_turn,
        default=[],
        metavar="URL",
        help="a TURN server for paired people, such as turn:host:3478; may be repeated",
    )
    parser.add_argument(
        "--turn-secret-file",
        type=Path,
        metavar="FILE",
        help="holds the secret that the TURN server shares (coturn's static-auth-secret)",
    )
    parser.add_argument(
        "--tls-cert",
        type=Path,
        metavar="FILE",
        help="its certificate for TLS, in PEM form, with its issuers'; newer ones are taken up",
    )
    parser.add_argument(
        "--tls-key",
        type=Path,
        metavar="FILE",
        help="the certificate's private key, where that is in another file",
    )
    parser.add_argument(
        "--page-key-file",
        type=Path,
        metavar="FILE",
        help="let pages in that were saved with filesend page, by the key in it, which is made",
    )
    parser.add_argument(
        "--store",
        type=_store,
        metavar="URL",
        help="the Redis or Valkey server that keeps the state, for several processes (memory)",
    )
    parser.add_argument(
        "--store-file",
        type=Path,
        metavar="FILE",
        help="holds the URL of that server, where it has a password",
    )
    parser.add_argument(
        "--drain",
        type=_seconds,
        default=DRAIN,
        metavar="SECONDS",
        help="what SIGTERM gives everybody to go on elsewhere, 0 to 600 (%(default)s)",
    )
    parser.add_argument(
        "--announce",
        action=argparse.BooleanOptionalAction,
        help="tell this network of it by mDNS (where others reach it)",
    )
    parser.add_argument(
        "--announce-as",
        type=_instance,
        metavar="NAME",
        help="its name there, 8 hexadecimal digits (a random one)",
    )
    parser.add_argument(
        "--check-config",
        action="store_true",
        help="serve nothing: read what the options name, and say whether a relay would start",
    )
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="end when standard input does"
    )
    parser.add_argument(
        "--wait-for-options",
        action="store_true",
        help="read further options from the first line of standard input, once all is loaded",
    )
    options = parser.parse_args(arguments)
    if options.wait_for_options:
        line = _first_line()
        if line is None:
            return 0
        options = parser.parse_args(line.split(), options)
    given: dict[str, Any] = {name: vars(options)[name] for name in RelayOptions.__struct_fields__}
    chosen = RelayOptions(**given)
    if options.check_config:
        return check(chosen)
    return serve(chosen, until_stdin_closes=options.until_stdin_closes)


def _first_line() -> str | None:
    """Return the first line of standard input; None where that ends before."""
    # os.read and not sys.stdin, which would read ahead: see server.py.
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte or len(line) >= _LONGEST_LINE:
            return None
        line += byte
    return line.decode(errors="replace")


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _instance(text: str) -> str:
    if not is_instance(text):
        raise argparse.ArgumentTypeError("a name is 8 hexadecimal digits")
    return text


def _turn(text: str) -> str:
    try:
        parse_turn_url(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _store(text: str) -> StoreUrl | None:
    try:
        url = parse_store(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if url is not None and url.has_secret:
        raise argparse.ArgumentTypeError(IN_ARGUMENTS)
    return url


def _size(text: str) -> int:
    """Return the bytes that a size such as `500M` or `2G` means; 0: `off`."""
    if text == "off":
        return 0
    match = re.fullmatch(r"([1-9][0-9]{0,14})([kMGT]?)", text)
    if match is None:
        raise argparse.ArgumentTypeError("a size is a number of bytes, such as 500M, or off")
    size: int = int(match[1]) * 1000 ** " kMGT".index(match[2] or " ")
    return size


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 600:
        raise argparse.ArgumentTypeError("it is a number of seconds, from 0 to 600")
    return seconds


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return port


if __name__ == "__main__":
    sys.exit(main())
