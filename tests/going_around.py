"""Where this process connects, sends and listens, as Python's own audit tells: what went around."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

_EVENTS = ("socket.connect", "socket.sendto", "socket.bind", "socket.getaddrinfo")


class Use(NamedTuple):
    """A use of the network. event: of Python's audit. where: an address."""

    event: str
    where: Any


_noting: list[list[Use]] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _noting and event in _EVENTS:
        names = event == "socket.getaddrinfo"
        where = arguments[:2] if names else arguments[1]
        for each in _noting:
            each.append(Use(event, where))


sys.addaudithook(_audit)


@contextmanager
def noted() -> Iterator[list[Use]]:
    """Note what is used of the network meanwhile, by Python code; libraries of C are not seen."""
    uses: list[Use] = []
    _noting.append(uses)
    try:
        yield uses
    finally:
        _noting.remove(uses)
