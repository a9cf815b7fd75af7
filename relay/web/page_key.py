"""The key of pages that were saved as files: made once, kept in a file, told, and looked for.

Whoever holds it is let in with the origin `null`; every other page of another origin stays out, as
without it. A site that a person visits cannot read it, as nothing here may be read across origins,
so that it opens no relay to sites that they could not reach themselves. Which page holds it never
lives here (saved_page.py).
"""

from __future__ import annotations

import hmac
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import MutableMapping
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from relay.protocol.saved_page import (
    ORIGIN_OF_FILES,
    PAGE_KEY_BYTES,
    PAGE_KEY_PATH,
    PAGE_KEY_QUERY,
    PageKey,
    is_page_key,
)
from relay.secret_file import read_private

_LONGEST: Final = 1024
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
#: Who asks, as browsers say it: a person who typed the address. Programs say nothing.
_A_PERSON: Final = "none"


class SavedPages:
    """Lets saved pages in that hold the key.

    Args:
        key: See `is_page_key`.
    """

    def __init__(self, key: str) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "SavedPages()"  # never the key

    @property
    def routes(self) -> list[Route]:
        """Where the key is told."""
        return [Route(PAGE_KEY_PATH, self._tell)]

    def admitted(self, scope: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Return an ASGI request without its origin, where that is a page from disk with the key.

        It is then like that of any program, which has no origin; any other stays as it is.
        """
        headers = scope["headers"]
        origins = [value for name, value in headers if name == b"origin"]
        if origins != [ORIGIN_OF_FILES.encode()] or not self._is_in(scope["query_string"]):
            return scope
        return {**scope, "headers": [each for each in headers if each[0] != b"origin"]}

    def _is_in(self, query: bytes) -> bool:
        given = parse_qs(query).get(PAGE_KEY_QUERY.encode(), [])
        return len(given) == 1 and hmac.compare_digest(given[0], self._key.encode())

    async def _tell(self, request: Request) -> Response:
        # No page of another site could read it. Nor is it sent to one, or to one that took this
        # relay's name (DNS rebinding).
        asks = request.headers.get("sec-fetch-site", _A_PERSON)
        if "origin" in request.headers or asks != _A_PERSON:
            return Response(status_code=HTTPStatus.FORBIDDEN, headers=_HEADERS)
        content = msgspec.json.encode(PageKey(key=self._key))
        return Response(content, headers=_HEADERS, media_type="application/json")


def saved_pages(path: Path | None) -> SavedPages | None:
    """Return what lets pages in that hold the key in a file, which is made; None for none.

    Raises:
        ValueError: The file cannot be read or made, or holds no key. Tells nothing of its content.
    """
    if path is None:
        return None
    try:
        with suppress(FileExistsError):
            _make(path)
        content = read_private(path, "the key of saved pages", _LONGEST).decode("ascii", "replace")
    except OSError as error:
        raise ValueError(f"{path} cannot be used: {error.strerror or error}") from None
    if not is_page_key(content):
        raise ValueError(f"{path} holds no key of saved pages; remove it, and another is made")
    return SavedPages(content)


def _make(path: Path) -> None:
    key = urlsafe_b64encode(secrets.token_bytes(PAGE_KEY_BYTES)).rstrip(b"=")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
        file.write(key + b"\n")
