"""The page as one file that a person keeps: all that was built, the relay's address, and a policy.

Pure: the same page, relay and key make the same bytes, so that whoever has the same FileSend can
tell whether a file is what it makes. Where it is read from or written to never lives here.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from html import escape, unescape
from typing import Final, NamedTuple

from relay.protocol.saved_page import is_page_key
from relay.web.page import BuiltFile

#: Longest file that may be one of these, in bytes.
MAX_SAVED_PAGE: Final = 4 * 1024 * 1024

_INDEX: Final = "index.html"
# As Vite writes them; a change of that is an error, and no page without its script.
_SCRIPT: Final = re.compile(
    r' *<script type="module"[^>]* src="\./(assets/[^"]+)"[^>]*></script>\n'
)
_STYLE: Final = re.compile(r' *<link rel="stylesheet"[^>]* href="\./(assets/[^"]+)"[^>]*>\n')
# The policy comes first: it counts for what stands behind it alone.
_BEGINNING: Final = '    <meta charset="utf-8" />\n'
_END_OF_BODY: Final = "  </body>\n"
# What would end a script or a style, or begin what is read in another way (HTML, 13.2.5).
_NOT_WITHIN: Final = re.compile(r"<!--|</?(?:script|style)", re.IGNORECASE)
# A scheme, and a host that a policy can name: one of IPv6 has no form there (CSP, section 2.3.1).
_RELAY: Final = re.compile(r"https?://(?P<place>[A-Za-z0-9._-]{1,255}(?::[0-9]{1,5})?)")
_KNOWN: Final = re.compile(
    r'<meta name="filesend-relay" content="([^"<>]*)" />\n'
    r' *<meta name="filesend-page-key" content="([^"<>]*)" data-sum="[^"<>]*" />'
)


class Holder(NamedTuple):
    """What a saved page holds beside the page.

    relay: `http(s)://host[:port]`. key: that relay lets the page in by it.
    """

    relay: str
    key: str


def can_be_named(relay: str) -> bool:
    """Return whether a page from disk can have a relay with this URL. Pure."""
    return _RELAY.fullmatch(relay) is not None


def saved_page(built: Mapping[str, BuiltFile], holder: Holder) -> bytes:
    """Return the page as one file, UTF-8. Pure.

    Args:
        built: The files of the page (page.py).
        holder: What it is to hold.

    Raises:
        ValueError: The page is not as it is built, or the relay or the key has no such form.
    """
    match = _RELAY.fullmatch(holder.relay)
    if match is None or not is_page_key(holder.key):
        raise ValueError("such a relay or key is in no page")
    html = _lines_as_one(built[_INDEX].content)
    scripts, styles = _SCRIPT.findall(html), _STYLE.findall(html)
    if (len(scripts), len(styles), html.count("assets/")) != (1, 1, 2):
        raise ValueError("the page does not load one script and one style sheet")
    script, style = (_within(built[name].content) for name in (*scripts, *styles))
    policy = _policy(match, script, style)
    head = "".join(
        f"    {line}\n"
        for line in (
            f'<meta http-equiv="Content-Security-Policy" content="{policy}" />',
            '<meta name="referrer" content="no-referrer" />',
            f'<meta name="filesend-relay" content="{escape(holder.relay)}" />',
            f'<meta name="filesend-page-key" content="{holder.key}" data-sum="{_sum(holder)}" />',
        )
    )
    html = _SCRIPT.sub("", html)
    html = _STYLE.sub(lambda _: f"    <style>{style}</style>\n", html)
    if html.count(_BEGINNING) != 1 or html.count(_END_OF_BODY) != 1:
        raise ValueError("the page does not begin or end as it is built")
    html = html.replace(_BEGINNING, _BEGINNING + head)
    body = f'    <script type="module">{script}</script>\n'
    return html.replace(_END_OF_BODY, body + _END_OF_BODY).encode()


def holder_of(content: bytes) -> Holder:
    """Return what a file says that it holds; whether it is a page, saved_page tells. Pure.

    Raises:
        ValueError: It says nothing of that kind.
    """
    match = _KNOWN.search(content.decode("utf-8", "replace"))
    if match is None:
        raise ValueError("it names no relay")
    holder = Holder(unescape(match[1]), match[2])
    if not can_be_named(holder.relay) or not is_page_key(holder.key):
        raise ValueError("it names no relay")
    return holder


def _policy(relay: re.Match[str], script: str, style: str) -> str:
    place = relay["place"]
    tls = "s" if relay[0].startswith("https:") else ""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_hash(script)}'",
            f"style-src '{_hash(style)}'",
            "img-src data:",
            f"connect-src http{tls}://{place} ws{tls}://{place}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _sum(holder: Holder) -> str:
    # A key stands there once: so one that was damaged is not taken for another relay's.
    return hashlib.sha256(" ".join(holder).encode()).hexdigest()[:16]


def _hash(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _within(content: bytes) -> str:
    text = _lines_as_one(content)
    if _NOT_WITHIN.search(text) or "\0" in text:
        raise ValueError("what is built cannot stand within a page")
    return text


def _lines_as_one(content: bytes) -> str:
    # As browsers do before they hash a text (HTML, 13.2.3.5); and a clone on Windows has others.
    return content.decode().replace("\r\n", "\n").replace("\r", "\n")
