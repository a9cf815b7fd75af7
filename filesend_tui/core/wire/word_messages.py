"""The messages of `fs_words`, which carry two people's sealed words between two FileSend peers.

A sealed word is cut into chunks, so that blocks can go between them: one byte, 1 for the last chunk
and 0 for any other, then its bytes (BEP 10). What a word says, and keys, never live here.
"""

from __future__ import annotations

from typing import Final

import msgspec

from filesend_tui.core.wire.errors import Reason, WireError

#: Name of the extension in an extended handshake, and the id under which we take its messages.
WORDS_EXTENSION: Final = b"fs_words"
WORDS_ID: Final = 9
#: Most bytes of a sealed word: the largest content of one is 4 MiB.
MAX_WORD: Final = 4 * 1024 * 1024 + 4096
#: Most bytes of a word in one message.
WORD_CHUNK: Final = 16 * 1024


class WordChunk(msgspec.Struct, frozen=True):
    """A part of a sealed word. last: the word ends with it."""

    data: bytes
    last: bool


def encode_chunk(chunk: WordChunk) -> bytes:
    """Return the payload of an fs_words message."""
    return bytes([chunk.last]) + chunk.data


def decode_chunk(payload: bytes) -> WordChunk:
    """Return the chunk that `payload` holds.

    Raises:
        WireError: `badExtension`: empty, too long, or without a known first byte.
    """
    if not 2 <= len(payload) <= 1 + WORD_CHUNK or payload[0] > 1:
        raise WireError(Reason.BAD_EXTENSION, "fs_words")
    return WordChunk(payload[1:], bool(payload[0]))
