"""A text as the half blocks of a QR code, two modules a character. Colours are the face's.

Light modules are spaces and dark ones blocks, so it must be drawn dark on light.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import zip_longest
from typing import Final

#: Light modules around the picture; the standard requires four, two are enough for cameras.
_BORDER: Final = 2
_BLOCKS: Final = {(1, 1): "█", (1, 0): "▀", (0, 1): "▄", (0, 0): " "}


@lru_cache(maxsize=4)
def half_blocks(text: str) -> tuple[str, ...]:
    """Return the picture's lines, of equal length; none where no QR code can hold the text."""
    import segno  # late: only needed once there is a QR code to show

    try:
        made = segno.make_qr(text, error="l", boost_error=True)
    except segno.DataOverflowError:
        return ()
    rows = [tuple(row) for row in made.matrix_iter(border=_BORDER)]
    pairs = zip_longest(rows[::2], rows[1::2], fillvalue=(0,) * len(rows[0]))
    return tuple(
        "".join(_BLOCKS[bool(up), bool(low)] for up, low in zip(upper, lower, strict=True))
        for upper, lower in pairs
    )
