"""Links to a relay's page: what introduces is behind the `#`, which browsers send to no server."""

from __future__ import annotations

import base64
import re
import secrets
from typing import Final, NamedTuple

from filesend_tui.core.errors import InvalidCode
from filesend_tui.core.sessions.shared_secret import SECRET_LENGTH
from relay.protocol.words import PAGE_PATH

#: Most characters of a text in which a link is looked for.
_MAX_TYPED: Final = 2000
# A relay's page, and 32 bytes in base64url behind the `#`.
_LINK: Final = re.compile(r"(https?://[^\s#\"'<>]{1,500})#([A-Za-z0-9_-]{43})(?![\w-])")


class Link(NamedTuple):
    """A link, and what it holds.

    relay: the relay's URL, as it stands there. secret: 32 bytes. url: the whole, as secret.
    """

    relay: str
    secret: bytes
    url: str

    def __repr__(self) -> str:
        return f"Link(relay={self.relay!r})"  # never the secret


def new_secret() -> bytes:
    """Return a secret for a link, which is used once."""
    return secrets.token_bytes(SECRET_LENGTH)


def link_to(page: str, introduction: bytes | str) -> str:
    """Return the link that introduces whoever opens it; as secret as what it holds.

    Args:
        page: The URL of a relay's page, as the other person's browser reaches it.
        introduction: A secret of 32 bytes (base64url without padding, RFC 4648), or a code.
    """
    if isinstance(introduction, bytes):
        introduction = base64.urlsafe_b64encode(introduction).decode().rstrip("=")
    return f"{page}#{introduction}"


def read_link(typed: str) -> Link | None:
    """Return the link with a secret that a text contains; None where there is none.

    Whether the relay's URL makes sense is not looked at. A link that holds a code is none: its code
    is (code.py).

    Raises:
        InvalidCode: There are several.
    """
    if len(typed) > _MAX_TYPED:
        return None
    found = {
        Link(
            page.rstrip("/").removesuffix(PAGE_PATH),
            base64.urlsafe_b64decode(f"{secret}="),
            f"{page}#{secret}",
        )
        for page, secret in _LINK.findall(typed)
    }
    if len(found) > 1:
        raise InvalidCode(
            f"There are {len(found)} links in that text.", "Type or paste the one that you mean."
        )
    return found.pop() if found else None
