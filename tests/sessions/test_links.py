"""places/links.py: links to a relay's page, as they are made and as people paste them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.checks import place_in
from filesend_tui.core.errors import InvalidCode
from filesend_tui.core.sessions.places.links import Link, link_to, read_link

SECRET = bytes(range(32))
URL = link_to("https://relay.example/r", SECRET)


@pytest.mark.parametrize(
    "typed",
    [
        URL,
        f"  {URL}\n",
        f"Here: {URL}.",
        f"<{URL}>",
        f'filesend receive "{URL}" --yes',
        f"{URL} {URL}",
    ],
)
def test_a_link_is_found_in_what_was_pasted(typed: str) -> None:
    assert read_link(typed) == Link("https://relay.example", SECRET, URL)
    assert place_in(typed) == "https://relay.example"


@pytest.mark.parametrize(
    ("page", "relay"),
    [
        ("http://10.0.0.7:8421/r", "http://10.0.0.7:8421"),
        ("http://[fe80::1]:8421/r", "http://[fe80::1]:8421"),
        ("https://a.example/tools/fs/r", "https://a.example/tools/fs"),
        ("https://a.example/", "https://a.example"),
    ],
)
def test_it_tells_its_relay(page: str, relay: str) -> None:
    link = read_link(link_to(page, SECRET))
    assert link is not None
    assert link.relay == relay
    assert link.secret == SECRET
    assert link.url.partition("#")[2] not in repr(link)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "4711-apple-violin",
        "https://relay.example/r#4711-apple-violin",
        URL[:-1],
        f"{URL}x",
        URL.partition("#")[2],
        f"ftp{URL.removeprefix('https')}",
        URL + " " * 3000,
    ],
    ids=lambda typed: typed[:40],
)
def test_what_is_none_is_none(typed: str) -> None:
    assert read_link(typed) is None


def test_which_of_several_is_meant_is_asked() -> None:
    several = f"{URL} or {link_to('https://relay.example/r', bytes(32))}"
    with pytest.raises(InvalidCode, match="2 links"):
        read_link(several)
    assert place_in(several) == ""


@given(st.text(max_size=200), st.binary(min_size=32, max_size=32), st.text(max_size=100))
def test_whatever_stands_around_it(before: str, secret: bytes, after: str) -> None:
    try:
        link = read_link(f"{before} {link_to('https://relay.example/r', secret)} {after}")
    except InvalidCode:
        return
    assert link is not None
    assert link.secret == secret
