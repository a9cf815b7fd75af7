"""Decoding of an extended message's bencoded dictionary, and bounds of fields (BEP 3, BEP 10).

What the fields mean is extensions.py's and lane_messages.py's. Nothing is encoded here.
"""

from __future__ import annotations

from typing import Any

from bencode2 import bdecode

from filesend_tui.core.wire.errors import Reason, WireError


def decode_fields(payload: bytes) -> dict[bytes, Any]:
    """Return the dictionary that `payload` encodes.

    Raises:
        WireError: `badExtension`: not bencoded, or not a dictionary.
    """
    try:
        value = bdecode(payload)
    except (ValueError, RecursionError, OverflowError):
        raise WireError(Reason.BAD_EXTENSION, "not bencoded") from None
    if not isinstance(value, dict):
        raise WireError(Reason.BAD_EXTENSION, "not a dictionary")
    return value


def number(fields: dict[bytes, Any], key: bytes, most: int) -> int | None:
    """Return fields[key], 0 to `most`, or None where it is missing.

    Raises:
        WireError: `badExtension`: not a number, or out of bounds.
    """
    value = fields.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or not 0 <= value <= most:
        raise WireError(Reason.BAD_EXTENSION, key.decode())
    return value
