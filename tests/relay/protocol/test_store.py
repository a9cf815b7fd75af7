"""What may be named as a relay's store, and that no password of it shows."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from relay.protocol.store import StoreUrl, parse_store
from relay.stores.redis.server import client_of

GOOD = [
    ("redis://127.0.0.1", "redis://127.0.0.1"),
    ("redis://[::1]:6379/3", "redis://[::1]:6379/3"),
    ("rediss://ann:pass%40word@store.example:6380/0", "rediss://store.example:6380/0"),
    ("redis://:hush@store.example?db=7", "redis://store.example"),
    ("rediss://store.example?ssl_ca_certs=/etc/ca.pem", "rediss://store.example"),
    ("unix:///run/redis/redis.sock?db=2", "unix:///run/redis/redis.sock"),
    ("unix://:hush@/run/redis/redis.sock", "unix:///run/redis/redis.sock"),
]


@pytest.mark.parametrize(("text", "shown"), GOOD)
def test_what_is_a_store_and_what_is_shown_of_it(text: str, shown: str) -> None:
    url = StoreUrl(text)
    assert url.secret == text
    assert (str(url), repr(url)) == (shown, f"StoreUrl({shown!r})")
    assert url.has_secret == ("@" in text)
    assert isinstance(client_of(url.secret), Redis)


@pytest.mark.parametrize(
    "text",
    [
        *("", "redis", "redis:", "redis://", "redis:///0", "http://store.example", "memory://"),
        *("redis://[::1", "redis://h:0", "redis://h:99999", "redis://h:hush", "redis://h/hush"),
        *(
            "redis://h/123456",
            "redis://h/0/1",
            "redis://h#hush",
            "redis://h?hush=1",
            "redis://h?hush",
        ),
        *("redis://h?db=x", "redis://h?db=", "unix://", "unix:///", "unix://h/socket"),
        *("redis://h ", "redis://h\n", "redis://hüsh", "redis://" + "h" * 1000),
        "rediss://h?ssl_ca_certs=hush",
    ],
)
def test_what_is_none_is_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="a store is") as caught:
        parse_store(text)
    assert "hush" not in str(caught.value) and "hüsh" not in str(caught.value)


def test_memory_is_no_server() -> None:
    assert parse_store("memory") is None
