"""A word with its numbers, and the bytes of both: what ciphers seal and lines carry.

    0        8        16
    | number | taken  | the word as JSON, padded with spaces |

Both numbers are unsigned, big-endian. Which number a word has is word_stream.py's; keys are
cipher.py's.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from filesend_tui.core.errors import FileSendError
from relay.protocol.words import CONTENTS, MAX_CONTENT, Word

#: Envelopes are padded to a multiple of this many bytes: it hides the length of a name or a text,
#: and makes words of a few figures all look alike.
BUCKET: Final = 512

_NUMBERS: Final = struct.Struct(">QQ")
_EVENT: Final[Mapping[type[Word], str]] = {content: event for event, content in CONTENTS.items()}


class Envelope(NamedTuple):
    """A word on its way.

    number: its place among the words of its speaker, from 1; 0 for one that is neither repeated nor
    acknowledged. taken: the number of the other side's last word that its speaker has taken.
    """

    word: Word
    number: int = 0
    taken: int = 0


def event_of(word: Word) -> str:
    """Return the event under which a word is sent."""
    return _EVENT[type(word)]


def content_of(word: Word) -> bytes:
    """Return a word as JSON.

    Raises:
        FileSendError: It is longer than MAX_CONTENT.
    """
    content = msgspec.json.encode(word)
    if len(content) > MAX_CONTENT:
        raise FileSendError("That is too much to say at once.", "Say it in parts.")
    return content


def encode(envelope: Envelope) -> bytes:
    """Return the bytes of an envelope; its event is sent beside them. Errors as content_of."""
    plain = _NUMBERS.pack(envelope.number, envelope.taken) + content_of(envelope.word)
    return plain.ljust(-(-len(plain) // BUCKET) * BUCKET)  # JSON ends in any white space


def decode(event: str, plain: bytes) -> Envelope:
    """Return the envelope of these bytes, sent under this event.

    Raises:
        FileSendError: It cannot be decoded: another version, or malice.
    """
    try:
        number, taken = _NUMBERS.unpack_from(plain)
        word = msgspec.json.decode(memoryview(plain)[_NUMBERS.size :], type=CONTENTS[event])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, struct.error, KeyError) as e:
        raise FileSendError(
            "The other side's filesend and this one do not understand each other.",
            "Use the same version of filesend for both.",
        ) from e
    return Envelope(word, number, taken)
