"""core/share_link.py: what browsers open, and what is no page."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest

from filesend_tui.core.errors import BadSharePage
from filesend_tui.core.torrent.metainfo.magnet import Magnet, parse_magnet
from filesend_tui.core.torrent.metainfo.share_link import share_link, share_page

MAGNET = f"magnet:?xt=urn:btih:{'ab' * 20}&dn=N&tr=wss%3A%2F%2Frelay.example%2Fannounce"


@pytest.mark.parametrize(
    ("page", "link"),
    [
        ("https://instant.io", f"https://instant.io#{MAGNET}"),
        ("https://instant.io/", f"https://instant.io/#{MAGNET}"),
        ("  https://instant.io/#\n", f"https://instant.io/#{MAGNET}"),
        ("http://127.0.0.1:8000/get.html?a=b", f"http://127.0.0.1:8000/get.html?a=b#{MAGNET}"),
        ("https://[2001:db8::1]:8443/", f"https://[2001:db8::1]:8443/#{MAGNET}"),
    ],
)
def test_the_magnet_is_the_fragment(page: str, link: str) -> None:
    assert share_link(page, MAGNET) == link
    assert urlsplit(link).fragment == MAGNET


@pytest.mark.parametrize("name", ["100% & more", "a#b", "ünïcode 🦊", "x+y=z?", 'q"<\\>|`^{}'])
def test_any_name_survives_the_way_and_nothing_unsafe_is_left(name: str) -> None:
    magnet = str(Magnet(info_hash=b"h" * 20, name=name, trackers=("wss://relay/tracker",)))
    link = share_link("https://page/", magnet)
    assert not set(link) & set(' "<>\\^`{|}') and link.isascii() and link.count("#") == 1
    assert parse_magnet(urlsplit(link).fragment) == parse_magnet(magnet)


def test_what_a_fragment_may_not_hold_is_encoded() -> None:
    link = share_link("https://page/", 'magnet:?dn=ü <b>#"')
    assert link == "https://page/#magnet:?dn=%C3%BC%20%3Cb%3E%23%22"
    assert unquote(urlsplit(link).fragment) == 'magnet:?dn=ü <b>#"'


@pytest.mark.parametrize(
    "page",
    [
        "",
        "instant.io",
        "ftp://instant.io/",
        "javascript:alert(1)",
        "https://",
        "https://:443/",
        "https://instant.io:0/",
        "https://instant.io:99999/",
        "https://[::1/",
        "https://ann:secret@instant.io/",
        "https://instant.io/#there",
        "https://instant.io/a b",
        "https://instant.io/\x1b[2J",
        "https://instant.io/" + "x" * 1024,
    ],
)
def test_what_is_no_page_is_refused_with_an_example(page: str) -> None:
    with pytest.raises(BadSharePage) as refused:
        share_page(page)
    assert "https://instant.io/" in refused.value.hint
    assert "secret" not in refused.value.message
    assert "\x1b" not in refused.value.message
    with pytest.raises(BadSharePage):
        share_link(page, MAGNET)
