"""A first look at a file or a folder: what kind it is, how it begins, what is in it. Blocking.

Called from threads only. Nothing but regular files is opened, none of them by a wait for somebody
else, and of each a few kilobytes are read. What stands in them is a stranger's until it is cleaned
where it is shown.
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

#: Bytes of a file that are read, and of what they hold the lines and characters of each.
MAX_HEAD: Final = 4096
MAX_LINES: Final = 200
MAX_LINE: Final = 400
#: Things of a folder that are counted, and of which names are kept.
MAX_COUNTED: Final = 10_000
MAX_NAMES: Final = 200

# Files whose bytes are elsewhere: to read them would fetch them over a network.
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
    """What is known of one thing after a first look.

    kind: such as `text` or `image (jpeg)`. target: where a link leads, empty for no link. lines:
    the beginning of a text, harmless. folders, files: how many a folder holds, more where
    `uncounted`; names: of the first of them, folders with a slash behind.
    """

    kind: str
    target: str = ""
    lines: tuple[str, ...] = ()
    folders: int = 0
    files: int = 0
    uncounted: bool = False
    names: tuple[str, ...] = ()


def glimpse(path: str) -> Glimpse:
    """Return what a first look tells. Raises OSError."""
    target = os.readlink(path) if os.path.islink(path) else ""
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        return _folder(path, target)
    if not stat.S_ISREG(status.st_mode):
        return Glimpse("neither a file nor a folder", target)
    kind = _kind(path)
    if not status.st_size:  # what the kernel makes up on reading says so, too
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
    """Return how a regular file begins, without waiting for whoever took its name meanwhile."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
    descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b""
        return os.read(descriptor, MAX_HEAD)
    finally:
        os.close(descriptor)


def _text(head: bytes) -> str | None:
    """Return the head as text; None where it is none."""
    encoding = next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")
    if encoding != "utf-16" and b"\0" in head:
        return None
    try:
        # The last character may be cut in two.
        return codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return None


def _kind(path: str) -> str:
    """Return what a file's name says that it is."""
    suffix = os.path.splitext(path)[1][1:].lower()
    family = (mimetypes.guess_type(f"a.{suffix}")[0] or "").partition("/")[0]
    if family == "text":
        return "text"
    kind = _KINDS.get(family, "file")
    return f"{kind} ({suffix})" if family and suffix.isalnum() and suffix.isascii() else kind


def _is_elsewhere(status: os.stat_result) -> bool:
    attributes = getattr(status, "st_file_attributes", 0)
    return bool(attributes & _ELSEWHERE or getattr(status, "st_flags", 0) & _DATALESS)
