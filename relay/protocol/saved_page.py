"""The key by which a page that was saved as a file is let in: where it is asked for and given.

Browsers give a page from disk the origin `null`, and give the same to a frame that any site puts
into a sandbox. So it is not the origin that lets a page in, but a key that the relay tells whoever
asks it directly: a site reads nothing across origins. How a page is made never lives here.
"""

from __future__ import annotations

import re
from typing import Annotated, Final

import msgspec

#: Path of the key on a relay that lets saved pages in; a GET.
PAGE_KEY_PATH: Final = "/page-key"
#: The key's name in the query of a connection of socket.io.
PAGE_KEY_QUERY: Final = "pageKey"
#: The origin of a page from disk, as browsers say it.
ORIGIN_OF_FILES: Final = "null"
#: Bytes of a key before they are written as base64url without padding (RFC 4648, section 5).
PAGE_KEY_BYTES: Final = 16
#: Longest answer, in bytes.
MAX_PAGE_KEY_ANSWER: Final = 256

_PATTERN: Final = r"[A-Za-z0-9_-]{22}"
_KEY: Final = re.compile(_PATTERN)


class PageKey(msgspec.Struct, frozen=True, kw_only=True):
    """The answer, JSON. key: see `is_page_key`."""

    # `$` alone takes a line end behind it, too.
    key: Annotated[str, msgspec.Meta(pattern=f"^{_PATTERN}$", max_length=22)]


def is_page_key(text: str) -> bool:
    """Return whether a text has the form of a key. Pure."""
    return _KEY.fullmatch(text) is not None
