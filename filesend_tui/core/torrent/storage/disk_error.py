"""The operating system's errors of a disk, as errors that a person can act on."""

from __future__ import annotations

import errno

from filesend_tui.core.errors import FileSendError, NoSpace, StorageFailed

# Windows has no quota error of this name.
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def disk_error(error: OSError, doing: str) -> FileSendError:
    """Return NoSpace or StorageFailed for what happened while `doing` (such as `writing a.txt`)."""
    if error.errno in _FULL:
        return NoSpace(f"The disk became full while {doing}.")
    if error.errno == errno.EFBIG:
        return StorageFailed(
            f"A file is too large for this disk's file system, found while {doing}.",
            "Choose a folder on another disk.",
        )
    return StorageFailed(f"The disk failed while {doing}: {error.strerror or error}.")
