"""Secrets in files: one line, which is read once at the start. What it is good for is others'."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

logger = logging.getLogger(__name__)


def read_secret(path: Path, what: str, longest: int) -> bytes:
    """Return what a file holds, without the space around it; warn where others can read it.

    what: the secret's name in errors. longest: so many bytes at most; of a longer one so many and
    one more are returned.

    Raises:
        ValueError: It is no file, or cannot be read, is empty or holds several words. Tells nothing
            of the secret.
    """
    try:
        secret = read_private(path, what, longest)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from None
    if len(secret.split()) > 1:
        raise ValueError(f"{path} holds more than one word; {what} is one")
    return secret


def read_private(path: Path, what: str, longest: int) -> bytes:
    """As `read_secret`, of any number of words.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no file.
    """
    # Neither waits for a pipe's writer, nor reads a device without an end.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{path} is no file")
        content = file.read(longest + 1).strip()
    if content and os.name != "nt" and status.st_mode & (stat.S_IRGRP | stat.S_IROTH):
        logger.warning("other users can read %s in %s: chmod 600 it", what, path)
    return content
