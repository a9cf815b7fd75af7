"""The ends of a stream that are descriptors of this process: standard input, standard output.

Nothing is opened here, and nothing closed: they are the process's own.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from filesend_tui.core.errors import ReaderGone, StorageFailed

#: Bytes that a pipe holds, where the system lets that be set: 64 KiB at a time cost a tenth more.
PIPE: Final = 1024 * 1024
#: Windows refuses to write more to a pipe or a console at a time.
_MOST: Final = 32 * 1024 if sys.platform == "win32" else 1024 * 1024
#: How systems say that nobody reads any more; Windows says the second.
_GONE: Final = {errno.EPIPE, errno.EINVAL, errno.ESHUTDOWN}


class PipeSource:
    """A StreamSource that reads a descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        _widen(descriptor)

    def read_into(self, view: memoryview) -> int:
        """See StreamSource."""
        if sys.platform == "win32":
            data = os.read(self._descriptor, len(view))
            view[: len(data)] = data
            return len(data)
        return os.readv(self._descriptor, [view])


class PipeTarget:
    """A StreamTarget that writes to a descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def open(self) -> None:
        """See StreamTarget."""
        _widen(self._descriptor)

    def write(self, view: memoryview) -> None:
        """See StreamTarget."""
        try:
            while view:
                view = view[os.write(self._descriptor, view[:_MOST]) :]
        except OSError as error:
            if error.errno in _GONE:
                raise ReaderGone("What reads the stream has closed it.") from None
            raise StorageFailed(
                f"The stream cannot be written on: {error.strerror}.",
                "See where standard output goes.",
            ) from None

    def finish(self) -> Path | None:
        """See StreamTarget."""
        return None

    def discard(self) -> None:
        """See StreamTarget: what was written cannot be taken back."""


def _widen(descriptor: int) -> None:
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):  # no pipe, or the user has too much in pipes
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE)
