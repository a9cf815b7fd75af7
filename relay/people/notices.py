"""What people on the relay hear beside acknowledgements: that something was refused, and notices.

Values alone; when either is due is said by nameplates.py, places.py and rooms.py.
"""

from __future__ import annotations

from typing import NamedTuple

from relay.protocol.words import Word


class Refusal(Exception):
    """The relay says no. code: one of protocol.ErrorCode. message: a sentence for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Notice(NamedTuple):
    """Something the relay must tell `to` of its own accord."""

    to: str
    event: str
    word: Word
