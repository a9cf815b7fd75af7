"""A preview of a file or a folder: its kind, its beginning or its contents. Blocking.

Called from threads only. Only regular files are opened, without blocking on another process, and a
few kilobytes of each are read. The text is untrusted until it is cleaned where it is shown.
"""

from __future__ import annotations

import codecs
import mimetypes
import os
import stat
from dataclasses import dataclass
from heapq import nsmallest
from itertools import islice
from typing import Final

from filesend_tui.core.checks import is_part_name
from filesend_tui.core.util.text import visible
from filesend_tui.state.natural_order import natural
from filesend_tui.widgets.picker.folder import fold

#: The most bytes read of a file, and the most lines, and characters a line, kept of them.
MAX_HEAD: Final = 4096
MAX_LINES: Final = 200
MAX_LINE: Final = 400
#: The most entries of a folder that are counted, and the most names kept.
MAX_COUNTED: Final = 10_000
MAX_NAMES: Final = 200

# Files whose data is not local: reading them would fetch it over a network.
_ELSEWHERE: Final = 0x1000 | 0x0004_0000 | 0x0040_0000  # Windows: offline, recall on open, on read
_DATALESS: Final = 0x4000_0000  # macOS
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_KINDS: Final = {"image": "image", "video": "film", "audio": "sound", "font": "font"}


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What a preview shows of one file or folder.

    kind: such as `text` or `image (jpeg)`. target: a link's target, empty for no link. lines: the
    beginning of a text, without control characters. folders, files: how many a folder contains,
    more where `uncounted`. names: the first of them, folders with a trailing slash.
    """

    kind: str
    target: str = ""
    lines: tuple[str, ...] = ()
    folders: int = 0
    files: int = 0
    uncounted: bool = False
    names: tuple[str, ...] = ()


def glimpse(path: str) -> Glimpse:
    """Return the preview of a path. Raises OSError."""
    target = os.readlink(path) if os.path.islink(path) else ""
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        return _folder(path, target)
    if not stat.S_ISREG(status.st_mode):
        return Glimpse("neither a file nor a folder", target)
    kind = _kind(path)
    if not status.st_size:  # also files that the kernel generates on reading
        return Glimpse("an empty file", target)
    if _is_elsewhere(status):
        return Glimpse(f"{kind}, not on this machine yet", target)
    text = _text(_head(path))
    if text is None:
        return Glimpse(kind, target)
    lines = tuple(
        visible(line[: 4 * MAX_LINE].expandtabs(4), private_use=False)[:MAX_LINE]
        for line in text.splitlines()[:MAX_LINES]
    )
    return Glimpse("text" if kind == "file" else kind, target, lines)


def _folder(path: str, target: str) -> Glimpse:
    with os.scandir(path) as found:
        ours = (item for item in found if not is_part_name(item.name))
        items = [(not item.is_dir(), item.name) for item in islice(ours, MAX_COUNTED + 1)]
    uncounted = len(items) > MAX_COUNTED
    files = sum(is_file for is_file, _ in items[:MAX_COUNTED])
    first = nsmallest(MAX_NAMES, items, key=lambda item: (item[0], natural(fold(item[1]))))
    return Glimpse(
        "folder",
        target,
        folders=min(len(items), MAX_COUNTED) - files,
        files=files,
        uncounted=uncounted,
        names=tuple(name if is_file else f"{name}/" for is_file, name in first),
    )


def _head(path: str) -> bytes:
    """Return a regular file's first bytes, without blocking on a pipe that replaced it."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
    descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b""
        return os.read(descriptor, MAX_HEAD)
    finally:
        os.close(descriptor)


def _text(head: bytes) -> str | None:
    """Return the head as text; None where it is not text."""
    encoding = next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")
    if encoding != "utf-16" and b"\0" in head:
        return None
    try:
        # The last character may be cut in two.
        return codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return None


def _kind(path: str) -> str:
    """Return the kind that a file's name suggests."""
    suffix = os.path.splitext(path)[1][1:].lower()
    family = (mimetypes.guess_type(f"a.{suffix}")[0] or "").partition("/")[0]
    if family == "text":
        return "text"
    kind = _KINDS.get(family, "file")
    return f"{kind} ({suffix})" if family and suffix.isalnum() and suffix.isascii() else kind


def _is_elsewhere(status: os.stat_result) -> bool:
    attributes = getattr(status, "st_file_attributes", 0)
    return bool(attributes & _ELSEWHERE or getattr(status, "st_flags", 0) & _DATALESS)
