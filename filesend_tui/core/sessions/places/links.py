"""Links to a relay's page: what introduces is behind the `#`, which browsers send to no server."""

from __future__ import annotations

import base64
import secrets

from filesend_tui.core.sessions.shared_secret import SECRET_LENGTH


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
