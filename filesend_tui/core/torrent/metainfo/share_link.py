"""The link that opens a torrent in a browser: a page's URL, and the magnet link as its fragment.

Pages built on WebTorrent, such as instant.io, read the fragment; a browser sends it to no server.
Pure: nothing is fetched, and whether the page supports it is not checked.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlsplit

from filesend_tui.core.errors import BadSharePage
from filesend_tui.core.util.text import clean

_MAX_PAGE: Final = 1024
#: Characters allowed in a fragment (RFC 3986, section 3.5), and `%` of percent-encoding.
_FRAGMENT: Final = "%!$&'()*+,;=:@/?-._~"


def share_page(typed: str) -> str:
    """Return a page's URL in the form that links begin with.

    Raises:
        BadSharePage: It is no http or https URL, names a user, or has a fragment of its own.
    """
    page = typed.strip().removesuffix("#")
    try:
        parts = urlsplit(page)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    # Credentials would be shared with the link, and a fragment is where the magnet goes.
    if usable and ("@" in parts.netloc or "#" in page):
        usable = False
    if len(page) > _MAX_PAGE or " " in page or not page.isprintable():
        usable = False
    if not usable:
        shown = clean(page.rpartition("@")[2], 80)
        raise BadSharePage(f"“{shown}” is not the address of a page that links can point to.")
    return page


def share_link(page: str, magnet: str) -> str:
    """Return the URL that opens a magnet link in a page: `https://page/#magnet:?xt=…`.

    Raises:
        BadSharePage: See `share_page`.
    """
    return f"{share_page(page)}#{quote(magnet, safe=_FRAGMENT)}"
