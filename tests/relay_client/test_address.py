from __future__ import annotations

import pytest

from filesend_tui.core.errors import RelayUnreachable
from filesend_tui.core.relay_client.address import parse_relay_url


@pytest.mark.parametrize(
    ("typed", "url", "tracker"),
    [
        ("http://a.example:80", "http://a.example:80", "ws://a.example:80/announce"),
        ("https://a.example", "https://a.example", "wss://a.example/announce"),
        ("ws://a.example:9/", "http://a.example:9", "ws://a.example:9/announce"),
        ("WSS://A.Example", "https://a.example", "wss://a.example/announce"),
        (" a.example:9 ", "http://a.example:9", "ws://a.example:9/announce"),
        ("a.example", "http://a.example:8421", "ws://a.example:8421/announce"),
        ("localhost", "http://localhost:8421", "ws://localhost:8421/announce"),
        ("127.0.0.1:9", "http://127.0.0.1:9", "ws://127.0.0.1:9/announce"),
        ("http://[::1]:9", "http://[::1]:9", "ws://[::1]:9/announce"),
        ("[::1]", "http://[::1]:8421", "ws://[::1]:8421/announce"),
        ("https://a.example/fs/", "https://a.example/fs", "wss://a.example/fs/announce"),
    ],
)
def test_an_address_is_read_in_any_form(typed: str, url: str, tracker: str) -> None:
    address = parse_relay_url(typed)
    assert (address.url, address.tracker) == (url, tracker)
    mounted = "fs/" if "/fs" in url else ""
    assert address.socketio_path == f"{mounted}socket.io"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "ftp://a.example",
        "http://",
        "http://:80",
        "http://a.example:99999",
        "http://a.example:port",
        "http://[::1",
        "http://ada:secret@a.example",
        "http://a.example/?token=1",
        "http://a.example/#x",
        "a b.example",
        "http://a.example/\x1b[2J",
        "http://" + "a" * 3000,
    ],
)
def test_what_is_no_address_is_named_harmlessly(typed: str) -> None:
    with pytest.raises(RelayUnreachable) as refused:
        parse_relay_url(typed)
    assert refused.value.message.isprintable()
    assert len(refused.value.message) < 200
    assert "relay.example" in refused.value.hint


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(RelayUnreachable) as refused:
        parse_relay_url("http://ada:secret@a.example")
    assert "secret" not in refused.value.message
