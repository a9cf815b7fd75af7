from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
import torf
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.errors import BadMagnet
from filesend_tui.core.torrent.metainfo.magnet import MAX_TRACKERS, Magnet, parse_magnet

HASH = bytes(range(20))
TOPIC = f"urn:btih:{HASH.hex()}"


def test_a_magnet_survives_its_own_link() -> None:
    magnet = Magnet(
        HASH, "ä b+&c/😀 #1", ("ws://127.0.0.1:80/announce", "wss://t.example/x?y=1&z=ü")
    )
    assert parse_magnet(str(magnet)) == magnet
    assert str(magnet).startswith(f"magnet:?xt={TOPIC}&dn=")
    assert torf.Magnet.from_string(str(magnet)).tr == list(magnet.trackers)


def test_base32_upper_case_and_numbered_topics_are_read() -> None:
    base32 = base64.b32encode(HASH).decode()
    for topic in (base32, base32.lower(), HASH.hex().upper()):
        assert parse_magnet(f"magnet:?xt=urn:btih:{topic}").info_hash == HASH
    hybrid = f"magnet:?xt.1=urn:btmh:1220{'ab' * 32}&xt.2={TOPIC}"
    assert parse_magnet(hybrid).info_hash == HASH


def test_fields_of_other_clients_and_odd_trackers_are_passed_over() -> None:
    trackers = [
        "udp://a:1",
        "javascript:x",
        "ws://",
        "ws://b/\x1b[0m",
        "ws://b",
        "ws://b",
        "ws://c:99999",
        "wss://" + "c" * 2000,
        "file:///etc/passwd",
    ]
    link = f"magnet:?xt={TOPIC}&x.pe=1.2.3.4:5&so=0-3&ws=http%3A%2F%2Fx&" + "&".join(
        f"tr={quote(url)}" for url in trackers
    )
    assert parse_magnet(link).trackers == ("udp://a:1", "ws://b")


def test_the_name_is_clean_and_bounded() -> None:
    name = parse_magnet(f"magnet:?xt={TOPIC}&dn=a%1b%E2%80%AEb%0A{'x' * 500}").name
    assert name is not None
    assert name.startswith("ab x")
    assert len(name) <= 200


def test_trackers_are_bounded() -> None:
    link = f"magnet:?xt={TOPIC}" + "".join(f"&tr=ws%3A%2F%2Fh{n}" for n in range(100))
    assert len(parse_magnet(link).trackers) == MAX_TRACKERS


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("", "not a magnet"),
        ("http://example.org", "not a magnet"),
        ("magnet:?" + "a" * 20_000, "too long"),
        ("magnet:?" + "a=b&" * 300, "not a magnet"),
        ("magnet:?dn=x", "names no torrent"),
        (f"magnet:?xt={TOPIC}0", "names no torrent"),
        (f"magnet:?xt=x{TOPIC}", "names no torrent"),
        ("magnet:?xt=urn:btih:" + "1" * 32, "names no torrent"),
        (f"magnet:?xt=urn:btmh:1220{'ab' * 32}", "version 2 only"),
        (f"magnet:?xt={TOPIC}&xt=urn:btih:{'a' * 40}", "more than one"),
    ],
)
def test_what_is_no_usable_link_is_refused(link: str, words: str) -> None:
    with pytest.raises(BadMagnet, match=words):
        parse_magnet(link)


@given(st.text(max_size=100))
def test_no_text_breaks_the_parser(text: str) -> None:
    with pytest.raises(BadMagnet):
        parse_magnet("magnet:?xt=urn:btih:" + text + "!")
