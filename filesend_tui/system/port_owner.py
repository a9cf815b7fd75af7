"""The user whose program listens on a port of this machine, where the system tells.

Linux does, in tables that everybody may read (proc_pid_net(5)). Elsewhere the owner is unknown.
Whether to trust that user is never decided here.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

#: One for each address family, IPv4 first.
TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))

_LISTENS: Final = "0A"
#: Local addresses of sockets that accept connections to 127.0.0.1, preferred ones first.
_HEARING: Final = ("127.0.0.1", "0.0.0.0", "::ffff:127.0.0.1", "::")  # noqa: S104 - only compared


def owners(port: int, tables: Sequence[Path] = TABLES) -> frozenset[int]:
    """Return the uids of users who may receive what is sent to 127.0.0.1 at a port.

    Usually one; empty where nothing listens or the system does not tell.
    """
    found: dict[str, set[int]] = {}
    for table in tables:
        with suppress(OSError, ValueError, IndexError):  # another system, or another table format
            for address, number, uid in _listening(table):
                if number == port:
                    found.setdefault(address, set()).add(uid)
    return next((frozenset(found[each]) for each in _HEARING if each in found), frozenset())


def stranger(port: int, tables: Sequence[Path] = TABLES) -> int | None:
    """Return the uid of another user who may receive what is sent to 127.0.0.1 at a port.

    Uid 0 is no stranger: root can read this user's data in any case.
    """
    mine = getattr(os, "geteuid", lambda: None)()
    if mine is None:
        return None
    return next((uid for uid in sorted(owners(port, tables)) if uid not in (0, mine)), None)


def _listening(table: Path) -> Iterator[tuple[str, int, int]]:
    """Yield address, port and uid of each listening socket.

    Raises:
        OSError: There is no such table, or it may not be read.
        ValueError, IndexError: It has another format.
    """
    with table.open(encoding="ascii") as lines:
        next(lines, None)  # the column names
        for line in lines:
            columns = line.split(maxsplit=8)
            if columns[3] == _LISTENS:
                address, _, port = columns[1].partition(":")
                yield _address(address), int(port, 16), int(columns[7])


def _address(digits: str) -> str:
    """Return the address in a table's hex: 32-bit words in the machine's byte order."""
    words = [int(digits[at : at + 8], 16) for at in range(0, len(digits), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return socket.inet_ntop(family, struct.pack(f"={len(words)}I", *words))
