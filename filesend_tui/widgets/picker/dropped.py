"""Parsing of the paths that a terminal pastes when files are dropped on it. No disk access here.

Terminals differ: quoted paths, backslash-escaped spaces, file:// URLs, one a line or several on
one, or the bare path with its spaces. So a text has several readings, likeliest first; the first
whose paths all exist is taken.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

#: Longest paste that is read, in characters, and the most paths taken from it.
MAX_TEXT: Final = 1024 * 1024
MAX_PATHS: Final = 10_000

_DRIVE = re.compile(r"^[A-Za-z]:[\\/]")
_STARTS = ("/", "~", "./", "../", "file:", "'", '"', "\\\\")


def looks_like_paths(text: str) -> bool:
    """Return whether a text looks like a path, so that an error about it makes sense."""
    head = text.strip()[:300]
    return head.startswith(_STARTS) or bool(_DRIVE.match(head))


def readings(text: str, *, windows: bool = os.name == "nt") -> list[tuple[str, ...]]:
    """Return the ways to read a pasted text as paths, likeliest first; none for blank text."""
    lines = [line.strip() for line in text[:MAX_TEXT].splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")][:MAX_PATHS]
    if not lines:
        return []
    found = [tuple(_plain(line, windows=windows) for line in lines)]
    try:
        words = [word for line in lines for word in _words(line, windows=windows) if word]
    except ValueError:  # an unclosed quote: only the bare reading remains
        words = []
    split = tuple(_plain(word, windows=windows) for word in words[:MAX_PATHS])
    if split and split not in found:
        found.append(split)
    return found


def choose(text: str, exists: Callable[[Path], bool]) -> tuple[Path, ...]:
    """Return the paths of the first reading whose paths all exist; empty where there is none.

    `exists` may access the disk: call this off the event loop.
    """
    for reading in readings(text):
        paths = tuple(Path(part) for part in reading)
        if all(exists(path) for path in paths):
            return paths
    return ()


def _words(line: str, *, windows: bool) -> list[str]:
    if not windows:
        return shlex.split(line)
    # Windows terminals quote with double quotes (PowerShell: & 'path') and escape nothing.
    return [
        quoted or single or bare
        for quoted, single, bare in re.findall(r'"([^"]+)"|\'([^\']+)\'|(\S+)', line)
        if bare != "&"
    ]


def _plain(word: str, *, windows: bool) -> str:
    if word.startswith("file:"):
        try:
            parts = urlsplit(word)
        except ValueError:  # an invalid host
            return word
        path = os.fsdecode(unquote_to_bytes(parts.path))  # a name may be no valid text
        if windows:
            host = f"//{parts.netloc}" if parts.netloc not in {"", "localhost"} else ""
            return host + (path[1:] if re.match(r"^/[A-Za-z]:", path) else path)
        return path
    if word == "~" or word.startswith(("~/", "~\\")):
        return os.path.expanduser(word)  # noqa: PTH111 - Path would lose a trailing slash's meaning
    return word
