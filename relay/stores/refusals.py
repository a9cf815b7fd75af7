"""What a relay says with each code of a refusal, the same whatever keeps its state.

Which step refuses, and why, is each store's.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from relay.protocol.words import ErrorCode
from relay.stores.base import Refusal

_SENTENCES: Final = MappingProxyType(
    {
        ErrorCode.UNKNOWN_CODE: "There is no such code; check it with whoever gave it to you.",
        ErrorCode.USED_CODE: "That code was already used; ask for a new one.",
        ErrorCode.EXPIRED_CODE: "That code has expired; ask for a new one.",
        ErrorCode.WITHDRAWN_CODE: "That code was given up; ask for a new one.",
        ErrorCode.OWN_CODE: "That is your own code; give it to the other person.",
        ErrorCode.NAMEPLATE_TAKEN: "That number is taken; ask for another one.",
        ErrorCode.NOT_PAIRED: "There is nobody in that room with you.",
        ErrorCode.TOO_MANY_ROOMS: (
            "You, or whoever waits there, are with too many people; leave somebody first."
        ),
        ErrorCode.TOO_MANY_PLACES: "You wait at too many places; leave one first.",
        ErrorCode.RELAY_FULL: "The relay has no room left; try again in a few minutes.",
    }
)


def refusal(code: str) -> Refusal:
    """Return the refusal of this code of words.ErrorCode."""
    return Refusal(code, _SENTENCES[code])
