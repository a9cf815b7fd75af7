"""Sanitizing of names from a peer for the disk: never outside the folder, never ambiguous.

Good names survive byte for byte: spaces, emoji, any script, either unicode normalisation. What is
changed, and to what:

- separators (a backslash everywhere: archives and shares carry names to Windows), NUL and what
  this system forbids become `_` (pathvalidate knows Windows' rules);
- characters that steer, hide or flood are removed (core/text.py): they only deceive; `.`, `..` and
  an empty name become `_`;
- a leading dot stays inside a folder, but directly in the user's own folder `_` is put in front: no
  peer may place a `.bashrc` there, nor anything named like our part folders;
- a name over 255 bytes of UTF-8 is cut, keeping its suffix;
- of two names that the file system takes for the same, the later gets ` (1)`.

Nothing is decided here about what is wanted, and nothing is written but the probe of `folding`.
"""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.util.text import visible

#: Bytes of UTF-8 in one name: the tightest limit of the file systems that matter.
MAX_NAME_BYTES: Final = 255

_DOUBLE_SUFFIXES: Final = (".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tar.lz", ".tar.br")
_MAX_SUFFIX_BYTES: Final = 32
# Windows opens its console by these as by CON; pathvalidate does not know them.
_CONSOLES: Final = ("CONIN$", "CONOUT$")
# Nor that Windows ignores spaces before a suffix: `con .txt` is the console too.
_SPACED_DEVICE: Final = re.compile(
    r"(con|prn|aux|nul|com.|lpt.|conin\$|conout\$) +(?=\.)", re.IGNORECASE
)
# Names that every system allows, as most are: sanitizing one takes 80 µs. Those that begin like a
# device of Windows are sanitized.
_HARMLESS: Final = re.compile(
    r"(?!con|prn|aux|nul|com|lpt|clock)[a-z0-9_-]([a-z0-9_. ()-]{0,126}[a-z0-9_()-])?",
    re.IGNORECASE | re.ASCII,
)
_SYSTEM: Final = {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")


def safe_name(name: str, *, system: str = _SYSTEM) -> str:
    """Return `name` as one component of a path: not empty, no separator, at most 255 bytes.

    Args:
        name: Anything at all.
        system: Whose rules hold: `linux`, `macos` or `windows`.
    """
    return name if _HARMLESS.fullmatch(name) else _mended(name, system)


@lru_cache(maxsize=4096)
def _mended(name: str, system: str) -> str:
    from pathvalidate import sanitize_filename

    # Bound the work first; 255 bytes are never more than 255 characters, the suffix is at the end.
    if len(name) > 4 * MAX_NAME_BYTES:
        name = name[: 2 * MAX_NAME_BYTES] + name[-2 * MAX_NAME_BYTES :]
    name = name.replace("\0", "_").replace("\\", "_")
    if system == "windows" and (device := _SPACED_DEVICE.match(name)):
        name = device[1] + name[device.end() :]
    while True:
        # Fixing one fault may reveal another: `nul ` loses its space and is then reserved.
        mended = sanitize_filename(
            shorten(visible(name)),
            replacement_text="_",
            platform=system,
            additional_reserved_names=_CONSOLES if system == "windows" else None,
        )
        if mended == name:
            break
        name = mended
    return "_" if name in ("", ".", "..") else name


def safe_parts(parts: Sequence[str], *, system: str = _SYSTEM) -> tuple[str, ...]:
    """Return a peer's path, from the user's folder on, with each name made safe.

    Raises:
        ValueError: There is no name in it.
    """
    if not parts:
        raise ValueError("a path needs a name")
    first, *rest = (safe_name(part, system=system) for part in parts)
    if first.startswith("."):
        first = shorten("_" + first)
    return (first, *rest)


def shorten(name: str, limit: int = MAX_NAME_BYTES, *, mark: str = "") -> str:
    """Return `name` with `mark` before its suffix, cut to `limit` bytes of UTF-8.

    The cut falls between characters and spares mark and suffix.
    """
    stem, suffix = _split(name)
    room = limit - len((mark + suffix).encode("utf-8", "replace"))
    cut = stem.encode("utf-8", "replace")[:room].decode("utf-8", "ignore")
    return cut + mark + suffix


def numbered(name: str, number: int) -> str:
    """Return the name's `number`th variant: `a (1).txt`, `archive (1).tar.gz`; 0 is itself."""
    return shorten(name, mark=f" ({number})") if number else name


def _split(name: str) -> tuple[str, str]:
    """Return stem and suffix; a suffix that is too long belongs to the stem."""
    lowered = name.lower()
    for double in _DOUBLE_SUFFIXES:
        if lowered.endswith(double) and len(name) > len(double):
            return name[: -len(double)], name[-len(double) :]
    dot = name.rfind(".")
    # A leading dot hides a file; a suffix has something after its dot and no space in it.
    suffix = name[dot:]
    if (
        dot <= 0
        or len(suffix) < 2
        or " " in suffix
        or len(suffix.encode("utf-8", "replace")) > _MAX_SUFFIX_BYTES
    ):
        return name, ""
    return name[:dot], suffix


@dataclass(frozen=True, slots=True)
class Folding:
    """Which names a file system takes for the same. case: `a` and `A`. form: `é` and `e` + `´`.

    strict: it takes only names that Windows takes, as exFAT and many network drives do.
    """

    case: bool
    form: bool
    strict: bool = False

    def key(self, name: str) -> str:
        """Return a key that is equal for two names of the same file."""
        if self.form:
            name = unicodedata.normalize("NFD", name)
        if self.case:
            name = name.casefold()
        return unicodedata.normalize("NFD", name) if self.form else name


def folding(ground: DirHandle) -> Folding:
    """Return how the file system under `ground` compares names. Nothing laid out begins with a dot.

    It is probed, not guessed from the system: Linux mounts exFAT, macOS can be case-sensitive.

    Raises:
        OSError: The folder cannot be written to.
    """
    probe = ".\u00e9a"
    with suppress(FileNotFoundError):
        ground.delete(probe)  # of a process that ended in between
    os.close(ground.open((probe,), os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    try:
        return Folding(
            case=ground.exists(".\u00e9A"),
            form=ground.exists(".e\u0301a"),
            strict=not _takes(ground, '.q"?:'),
        )
    finally:
        ground.delete(probe)


def _takes(ground: DirHandle, name: str) -> bool:
    with suppress(OSError):
        ground.delete(name)
    try:
        os.close(ground.open((name,), os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    except OSError:
        return False
    ground.delete(name)
    return True


def lay_out(
    paths: Iterable[Sequence[str]],
    same: Folding,
    *,
    folders: Iterable[Sequence[str]] = (),
    system: str = _SYSTEM,
) -> list[tuple[str, ...]]:
    """Return where each of a torrent's paths goes, from the user's folder on; no two collide.

    The places of `folders` follow; each is among the folders of `paths`, or a new one beside them.

    The same paths give the same places. Folders that a torrent spells alike stay one folder, and
    those that only the file system takes for one are kept apart.

    Args:
        paths: Raw paths; none of them twice, none of them the parent of another.
        folders: Raw paths of folders; none of them one of `paths`, or below one.
        same: Which names the file system takes for one.
        system: Whose rules for names hold, where the file system has no stricter ones.
    """
    return list(laid_out(paths, same, folders=folders, system=system))


def laid_out(
    paths: Iterable[Sequence[str]],
    same: Folding,
    *,
    folders: Iterable[Sequence[str]] = (),
    system: str = _SYSTEM,
) -> Iterator[tuple[str, ...]]:
    """Yield what `lay_out` returns, one place after the other."""
    top = _Folder((), same, "windows" if same.strict else system)
    for *way, name in paths:
        yield top.at(way).place_for(name)
    for folder in folders:
        yield top.at(folder).place


class _Folder:
    """A folder with its place, and the names taken in it."""

    __slots__ = ("_counts", "_same", "_system", "_taken", "below", "place")

    def __init__(self, place: tuple[str, ...], same: Folding, system: str) -> None:
        self.place = place
        self._same = same
        self._system = system
        self.below: dict[str, _Folder] = {}
        self._taken: set[str] = set()
        # The next number to try: thousands of names may be sanitized to the same one.
        self._counts: defaultdict[str, int] = defaultdict(int)

    def place_for(self, raw: str) -> tuple[str, ...]:
        """Return a place in this folder for a raw name, taken by no other."""
        if self.place:
            name = safe_name(raw, system=self._system)
        else:
            (name,) = safe_parts([raw], system=self._system)
        wish = self._same.key(name)
        while (claim := self._same.key(numbered(name, self._counts[wish]))) in self._taken:
            self._counts[wish] += 1
        self._taken.add(claim)
        return (*self.place, numbered(name, self._counts[wish]))

    def at(self, way: Sequence[str]) -> _Folder:
        """Return the folder at these raw names below, which gets its own place."""
        folder = self
        for raw in way:
            if raw not in folder.below:
                folder.below[raw] = _Folder(folder.place_for(raw), self._same, self._system)
            folder = folder.below[raw]
        return folder
