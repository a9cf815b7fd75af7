"""Who runs what listens on a port of this machine, where the system tells.

Linux does, in tables that everybody may read (proc_pid_net(5)). Elsewhere nobody is named. What is
thought of whoever it is never lives here.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

#: One for each family, IPv4 first.
TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))

_LISTENS: Final = "0A"
#: Addresses at which somebody hears who calls 127.0.0.1, those that are preferred first.
_HEARING: Final = ("127.0.0.1", "0.0.0.0", "::ffff:127.0.0.1", "::")  # noqa: S104 - only compared


def owners(port: int, tables: Sequence[Path] = TABLES) -> frozenset[int]:
    """Return the uids of whoever may hear what is said to 127.0.0.1 at a port.

    It is one where anybody is, and none where nobody listens or the system does not tell.
    """
    found: dict[str, set[int]] = {}
    for table in tables:
        with suppress(OSError, ValueError, IndexError):  # another system, or another kernel's table
            for address, number, uid in _listening(table):
                if number == port:
                    found.setdefault(address, set()).add(uid)
    return next((frozenset(found[each]) for each in _HEARING if each in found), frozenset())


def stranger(port: int, tables: Sequence[Path] = TABLES) -> int | None:
    """Return the uid of another user who may hear what is said to 127.0.0.1 at a port.

    Whoever has uid 0 is no stranger: they may read what this user does in any case.
    """
    mine = getattr(os, "geteuid", lambda: None)()
    if mine is None:
        return None
    return next((uid for uid in sorted(owners(port, tables)) if uid not in (0, mine)), None)


def _listening(table: Path) -> Iterator[tuple[str, int, int]]:
    """Yield address, port and uid of each listening socket.

    Raises:
        OSError: There is no such table, or it may not be read.
        ValueError, IndexError: It is not as it should be.
    """
    with table.open(encoding="ascii") as lines:
        next(lines, None)  # the names of the columns
        for line in lines:
            columns = line.split(maxsplit=8)
            if columns[3] == _LISTENS:
                address, _, port = columns[1].partition(":")
                yield _address(address), int(port, 16), int(columns[7])


def _address(digits: str) -> str:
    """Return the address that a table names: 32-bit words in the machine's own order of bytes."""
    words = [int(digits[at : at + 8], 16) for at in range(0, len(digits), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return socket.inet_ntop(family, struct.pack(f"={len(words)}I", *words))
