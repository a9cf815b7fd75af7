"""The record in a part folder: the process, machine and torrent that it was made for.

With the lock beside it, it shows whether the folder may be in use: a lock is released when its
process ends in any way, but another machine that shares the folder may not see it. What follows
from a record is part_folder.py's and leftovers.py's; what a folder that is kept for resuming holds
is manifest.py's.
"""

from __future__ import annotations

import hashlib
import os
import platform
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.part_folder import whole_file
from filesend_tui.core.util.text import clean

#: Its name in a part folder.
RECORD: Final = "record.json"
#: The versions that this program writes: of a folder that goes with its process, and of one that is
#: kept for resuming. It does not know the meaning of later ones.
PASSING: Final = 1
KEPT: Final = 2

_MOST_BYTES: Final = 64 * 1024
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
#: Bit of a hardware address that marks a random one, made up for want of a real (RFC 9562, 6.10).
_MADE_UP: Final = 1 << 40


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The origin of a part folder.

    machine, boot: ids of the machine and of its present boot; empty where unknown. host: the
    machine's name, for people. pid: the process. begun: seconds since 1970. torrent: the infohash,
    40 hex digits.
    """

    version: int
    machine: str
    boot: str
    host: str
    pid: int
    begun: float
    torrent: str

    @classmethod
    def of(cls, info_hash: bytes, *, keep: bool = False) -> Record:
        """Return the record of a part folder that this process takes now. Blocking."""
        return cls(
            version=KEPT if keep else PASSING,
            machine=_machine(),
            boot=_boot(),
            host=platform.node(),
            pid=os.getpid(),
            begun=round(time.time(), 3),
            torrent=info_hash.hex(),
        )

    @property
    def is_of_this_machine(self) -> bool:
        """Whether it was surely made on this machine, and by a known version. Blocking."""
        if self.version not in (PASSING, KEPT):
            return False
        return self.is_of_this_boot or (self.machine != "" and self.machine == _machine())

    @property
    def is_of_this_boot(self) -> bool:
        """Whether it was surely made since this machine was started. Blocking."""
        return self.boot != "" and self.boot == _boot()

    @property
    def shown_host(self) -> str:
        """The machine's name as it may be shown; empty where it is not known."""
        return clean(self.host, 64)


def write(ground: DirHandle, record: Record) -> None:
    """Put a record into a part folder, in the place of an earlier one. Raises OSError."""
    whole_file.write(ground, RECORD, msgspec.json.encode(record), sync=False)


def read(ground: DirHandle) -> Record | None:
    """Return the record of a part folder; None where it has no valid one.

    Raises:
        OSError: It cannot be read.
    """
    text = whole_file.read(ground, RECORD, _MOST_BYTES)
    try:
        return msgspec.json.decode(text, type=Record) if text is not None else None
    except msgspec.DecodeError:
        return None


def _machine() -> str:
    """Return an id of this machine, not shared by copies of its system; empty where unknown."""
    address = uuid.getnode()
    if address & _MADE_UP:
        return ""
    return hashlib.sha256(f"{platform.node()}\0{address:012x}".encode()).hexdigest()[:32]


def _boot() -> str:
    """Return an id of this boot of the machine; empty where the system has none."""
    with suppress(OSError):
        return _BOOT_ID.read_text("ascii").strip()
    return ""
