"""A small file system of its own, and what fills it up. Errors that are made up never live here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def mounted(place: Path, size: int) -> Iterator[Path]:
    """Make a folder that is a file system of so many bytes, in memory; skip where one cannot."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if (
        sys.platform != "linux"
        or subprocess.run(mount, check=False, capture_output=True).returncode
    ):
        pytest.skip("only Linux' root mounts file systems")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill_up(place: Path) -> Path:
    """Write a file until there is no room left; return it."""
    hog = place / "precious"
    with hog.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"p" * 4096)
    return hog
