"""The built page, read once and served as it is, under headers that let it do what it needs alone.

Nothing of a visit ever lives here: there is no state, no cookie, and what a link holds behind its
`#` is not sent by browsers.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from relay.protocol.words import PAGE_PATH

#: Where `python -m tools.page` builds it to; a wheel has it there, too.
BUILT: Final = Path(__file__).parent / "built"
#: The paths of the page itself; the second is that of links.
_PAGE_PATHS: Final = ("/", PAGE_PATH)
_ASSETS: Final = "assets"
_INDEX: Final = "index.html"

#: What the page may load and reach: itself, and this relay.
CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
#: A page is asked for anew each time; what it loads has a name of its contents.
_ANEW: Final = "no-cache"
_FOREVER: Final = "public, max-age=31536000, immutable"
_NOT_BUILT: Final = (
    "This is a relay of FileSend. It has no page for browsers: that was not built.\n"
    "From a clone: make page. Files are sent and received by filesend all the same.\n"
)


class BuiltFile(NamedTuple):
    """One file of the page. content: its bytes. media_type: without a character set."""

    content: bytes
    media_type: str


class Page:
    """The page in a folder, which may be built while the relay runs.

    folder: with `index.html` and `assets/`.
    """

    def __init__(self, folder: Path = BUILT) -> None:
        self._folder = folder
        self._files: Mapping[str, BuiltFile] = {}

    @property
    def routes(self) -> list[Route]:
        """What is served."""
        return [
            *(Route(path, self._page) for path in _PAGE_PATHS),
            Route(f"/{_ASSETS}/{{name}}", self._asset),
        ]

    @property
    def is_built(self) -> bool:
        """Whether there is one, from now on."""
        if not self._files:
            self._files = read_built(self._folder)
        return bool(self._files)

    async def _page(self, _request: Request) -> Response:
        if not self.is_built:
            return Response(_NOT_BUILT, HTTPStatus.NOT_FOUND, {**_HEADERS}, media_type="text/plain")
        return self._answer(_INDEX, _ANEW)

    async def _asset(self, request: Request) -> Response:
        name = f"{_ASSETS}/{request.path_params['name']}"
        if not self.is_built or name not in self._files:
            return Response(status_code=HTTPStatus.NOT_FOUND, headers={**_HEADERS})
        return self._answer(name, _FOREVER)

    def _answer(self, name: str, cache: str) -> Response:
        content, media_type = self._files[name]
        headers = {**_HEADERS, "Cache-Control": cache}
        return Response(content, headers=headers, media_type=media_type)


def read_built(folder: Path = BUILT) -> dict[str, BuiltFile]:
    """Return the files of a built page by their paths; none where it is not built, or half."""
    index = folder / _INDEX
    if not index.is_file():
        return {}
    names = [index, *(each for each in (folder / _ASSETS).glob("*") if each.is_file())]
    return {
        each.relative_to(folder).as_posix(): BuiltFile(each.read_bytes(), _media_type(each))
        for each in names
    }


def _media_type(path: Path) -> str:
    # Of the three that there are, not of what a system's table says of them.
    known = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
    return (
        known.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    )
