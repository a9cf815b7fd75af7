"""The page as one file: the same bytes each time, all of it within, and a policy for just that."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode

import pytest

from relay.web.page import BuiltFile
from relay.web.saved_page import Holder, can_be_named, holder_of, saved_page

HOLDER = Holder("https://relay.example", "abcdefghijklmnopqrst-_")
INDEX = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>FileSend</title>
    <script type="module" crossorigin src="./assets/app-1.js" integrity="sha384-x"></script>
    <link rel="stylesheet" crossorigin href="./assets/app-1.css" integrity="sha384-y">
  </head>
  <body>
    <main id="page"></main>
  </body>
</html>
"""


def built(
    script: str = "let a = 'ü'\r\n", style: str = "a{}", index: str = INDEX
) -> dict[str, BuiltFile]:
    return {
        "index.html": BuiltFile(index.encode(), "text/html"),
        "assets/app-1.js": BuiltFile(script.encode(), "text/javascript"),
        "assets/app-1.css": BuiltFile(style.encode(), "text/css"),
        "assets/worker-1.js": BuiltFile(b"1", "text/javascript"),
    }


def policy_of(page: bytes) -> dict[str, str]:
    (said,) = re.findall(
        r'<meta http-equiv="Content-Security-Policy" content="([^"]*)"', page.decode()
    )
    return {name: value for name, _, value in (part.partition(" ") for part in said.split("; "))}


def test_it_is_the_same_each_time_and_another_for_another_relay_or_key() -> None:
    page = saved_page(built(), HOLDER)
    assert saved_page(built(), HOLDER) == page
    others = [HOLDER._replace(relay="https://other.example"), HOLDER._replace(key="A" * 22)]
    assert len({page, *(saved_page(built(), each) for each in others)}) == 3
    assert saved_page(built(script="2"), HOLDER) != page
    assert saved_page(built(index=INDEX.replace("\n", "\r\n")), HOLDER) == page


def test_it_says_what_it_holds() -> None:
    assert holder_of(saved_page(built(), HOLDER)) == HOLDER


def test_it_loads_nothing_and_runs_what_its_policy_names_alone() -> None:
    page = saved_page(built(), HOLDER)
    assert not re.search(rb"src=|href=|integrity|assets", page)
    policy = policy_of(page)
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        (within,) = re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>".encode(), page, re.DOTALL)
        digest = b64encode(hashlib.sha256(within).digest()).decode()
        assert policy[rule] == f"'sha256-{digest}'"
        assert b"\r" not in within
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["connect-src"] == "https://relay.example wss://relay.example"
    assert policy["img-src"] == "data:"
    assert set(policy) == {
        *("default-src", "script-src", "style-src", "img-src"),
        *("connect-src", "base-uri", "form-action"),
    }
    # It counts for what stands behind it.
    assert page.index(b"Content-Security-Policy") < page.index(b"<title>")


def test_a_relay_by_http_is_reached_by_that_alone() -> None:
    page = saved_page(built(), HOLDER._replace(relay="http://192.168.1.7:8421"))
    assert policy_of(page)["connect-src"] == "http://192.168.1.7:8421 ws://192.168.1.7:8421"


@pytest.mark.parametrize(
    "relay",
    [
        *("", "relay.example", "ws://relay.example", "https://", "https://relay.example/"),
        *("https://relay.example/below", "http://[::1]:8421", "https://a b", "https://a;b"),
        *("https://a' 'unsafe-inline", 'https://a" /><script>', "https://a\n", "https://*"),
    ],
)
def test_what_a_policy_cannot_name_is_in_none(relay: str) -> None:
    assert not can_be_named(relay)
    with pytest.raises(ValueError, match="relay or key"):
        saved_page(built(), HOLDER._replace(relay=relay))


@pytest.mark.parametrize("key", ["", "a", '"><script>alert(1)</script>', "a" * 23])
def test_what_is_no_key_is_in_none(key: str) -> None:
    with pytest.raises(ValueError, match="relay or key"):
        saved_page(built(), HOLDER._replace(key=key))


@pytest.mark.parametrize("within", ["'</script>'", "'</STYLE'", "'<!--'", "'<script'", "'\0'"])
def test_a_script_that_would_end_early_makes_no_page(within: str) -> None:
    with pytest.raises(ValueError, match="cannot stand within"):
        saved_page(built(script=within), HOLDER)


@pytest.mark.parametrize(
    "index",
    [
        INDEX.replace("module", "text/javascript"),
        INDEX.replace("    <title>", '    <link href="./assets/more.css">\n    <title>'),
        INDEX.replace('<meta charset="utf-8" />', ""),
        INDEX.replace("  </body>\n", ""),
    ],
)
def test_a_page_that_is_built_in_another_way_makes_none(index: str) -> None:
    with pytest.raises(ValueError, match="the page does not"):
        saved_page(built(index=index), HOLDER)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\xff\xfe", b"<html>"),
        b'<meta name="filesend-relay" content="javascript:x" />\n<meta name="filesend-page-key" '
        b'content="abcdefghijklmnopqrst-_" data-sum="" />',
    ],
)
def test_what_is_no_page_says_nothing(content: bytes) -> None:
    with pytest.raises(ValueError, match="names no relay"):
        holder_of(content)
