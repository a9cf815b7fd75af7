"""util/proxies.py: which URL goes through which proxy, and what of it is shown."""

from __future__ import annotations

import pytest
from rich.pretty import pretty_repr

from filesend_tui.core.util.proxies import (
    NO_PROXIES,
    Proxies,
    Proxy,
    everything_by,
    of_environment,
    parse_proxy,
)

ONE, OTHER = (f"http://{name}.example:3128" for name in ("one", "other"))


def name_of(environment: dict[str, str], url: str) -> str | None:
    """The host of the proxy that a URL goes through."""
    proxy = of_environment(environment).of(url)
    return None if proxy is None else proxy.host.removesuffix(".example")


@pytest.mark.parametrize(
    ("environment", "url", "through"),
    [
        ({}, "https://relay.example", None),
        ({"HTTPS_PROXY": ONE}, "https://relay.example", "one"),
        ({"HTTPS_PROXY": ONE}, "wss://relay.example/announce", "one"),
        ({"https_proxy": ONE, "HTTPS_PROXY": OTHER}, "https://relay.example", "one"),
        ({"HTTP_PROXY": ONE}, "https://relay.example", None),
        ({"HTTP_PROXY": ONE, "HTTPS_PROXY": OTHER}, "ws://relay.example", "one"),
        ({"ALL_PROXY": ONE}, "wss://relay.example", "one"),
        ({"ALL_PROXY": ONE}, "http://relay.example:8421", "one"),
        ({"ALL_PROXY": ONE, "HTTPS_PROXY": OTHER}, "https://relay.example", "other"),
        # A WebSocket without TLS goes by CONNECT as well.
        ({"HTTPS_PROXY": ONE}, "http://relay.example:8421", "one"),
        ({"HTTPS_PROXY": ""}, "https://relay.example", None),
        ({"HTTPS_PROXY": ONE}, "https://127.0.0.1:8421", None),
        ({"HTTPS_PROXY": ONE}, "http://[::1]:8421", None),
        ({"ALL_PROXY": ONE}, "ws://localhost:8421/announce", None),
        ({"ALL_PROXY": ONE}, "ws://localhost.example:8421/announce", "one"),
        # What is no URL is in no case reached around it.
        ({"ALL_PROXY": ONE}, "ws://[::1", "one"),
    ],
    ids=str,
)
def test_what_the_environment_names(
    environment: dict[str, str], url: str, through: str | None
) -> None:
    assert name_of(environment, url) == through


@pytest.mark.parametrize(
    ("exempt", "url", "around"),
    [
        ("relay.example", "https://relay.example", True),
        ("RELAY.example", "https://Relay.Example", True),
        ("example", "https://relay.example", True),
        (".example", "https://relay.example", True),
        ("*.example", "https://relay.example", True),
        ("relay.example.", "https://relay.example", True),
        ("lay.example", "https://relay.example", False),
        ("relay.example:443", "https://relay.example", True),
        ("relay.example:8443", "https://relay.example", False),
        ("relay.example:8443", "https://relay.example:8443", True),
        ("*", "https://relay.example", True),
        ("other, relay.example", "https://relay.example", True),
        ("other relay.example", "https://relay.example", True),
        ("10.0.0.0/8", "https://10.1.2.3", True),
        ("10.0.0.0/8", "https://11.1.2.3", False),
        ("10.0.0.0/8", "https://ten.example", False),
        ("10.1.2.3", "https://10.1.2.3:8421", True),
        ("10.1.2.3:8421", "https://10.1.2.3:8421", True),
        ("10.1.2.3:1", "https://10.1.2.3:8421", False),
        ("fd00::/8", "https://[fd00::1]:8421", True),
        ("[fd00::1]", "https://[fd00::1]", True),
        ("[fd00::1]:8421", "https://[fd00::1]:8421", True),
        ("fd00::/8", "https://10.0.0.1", False),
        (",", "https://relay.example", False),
        (".", "https://relay.example", False),
    ],
    ids=str,
)
def test_no_proxy_says_what_goes_around_it(exempt: str, url: str, around: bool) -> None:
    for variable in ("NO_PROXY", "no_proxy"):
        through = name_of({"HTTPS_PROXY": ONE, variable: exempt}, url)
        assert through == (None if around else "one")


@pytest.mark.parametrize(
    ("typed", "proxy"),
    [
        ("http://proxy.example:3128", Proxy("http", "proxy.example", 3128)),
        ("http://proxy.example:3128/", Proxy("http", "proxy.example", 3128)),
        ("proxy.example:3128", Proxy("http", "proxy.example", 3128)),
        ("https://Proxy.example", Proxy("https", "proxy.example", 443)),
        ("socks5://127.0.0.1", Proxy("socks5", "127.0.0.1", 1080)),
        ("SOCKS5H://[::1]:9050", Proxy("socks5h", "::1", 9050)),
        ("socks://127.0.0.1:9050", Proxy("socks5h", "127.0.0.1", 9050)),
        (" http://ann:p%40ss:w%2Frd@p:1 ", Proxy("http", "p", 1, "ann", "p@ss:w/rd")),
        ("socks5h://circuit@p:1", Proxy("socks5h", "p", 1, "circuit", "")),
    ],
    ids=str,
)
def test_what_is_a_proxy(typed: str, proxy: Proxy) -> None:
    assert parse_proxy(typed) == proxy


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "http://",
        "ftp://s3cret:s3cret@p:1",
        "socks4://s3cret@p:1",
        "http://s3cret:s3cret@p:port",
        "http://s3cret:s3cret@p:0",
        "http://s3cret:s3cret@p:99999",
        "http://s3cret:s3cret/x@p:1",
        "http://s3cret:s3cret@p:1/s3cret",
        "http://s3cret:s3cret@p:1?s3cret",
        "http://s3cret:s3cret@p:1#s3cret",
        "http://:s3cret@p:1",
        "http://s3cret:s3cret%0d%0aX:y@p:1",
        "http://s3cret%3a:s3cret@p:1",
        "http://s3cret:%ff@p:1",
        f"socks5://s3cret:{'s3cret' * 50}@p:1",
        "http://s3cret:s3cret@p q:1",
        "http://s3cret:s3cret@[::1:1",
    ],
    ids=str,
)
def test_what_is_none_is_told_and_not_repeated(typed: str) -> None:
    for parse in (parse_proxy, everything_by):
        with pytest.raises(ValueError, match="a proxy is http://host:port") as caught:
            parse(typed)
        assert "s3cret" not in str(caught.value)
        assert caught.value.__suppress_context__, "a traceback would repeat it"


def test_a_setting_is_for_everything_but_loopback() -> None:
    proxies = everything_by("socks5h://127.0.0.1:9050")
    for url in ("https://relay.example", "ws://192.168.0.1:8421/transit", "http://x.onion"):
        assert proxies.of(url) == Proxy("socks5h", "127.0.0.1", 9050)
    assert proxies.of("http://localhost:8421") is None
    assert everything_by("none") == everything_by("None ") == NO_PROXIES


@pytest.mark.parametrize("value", ["socks4://u:s3cret@h:1", "http://u:s3cret@h:x"], ids=str)
def test_a_variable_that_makes_no_sense_is_not_gone_around(value: str) -> None:
    proxies = of_environment({"all_proxy": value})
    proxy = proxies.of("https://relay.example")
    assert proxy is not None
    assert proxy.fault.startswith("all_proxy makes no sense: ")
    assert "s3cret" not in proxy.fault
    assert proxies.of("http://127.0.0.1:8421") is None, "this machine's own relay does without"


def test_no_password_is_shown() -> None:
    proxy = parse_proxy("http://ann:s3cret@proxy.example:3128")
    proxies = Proxies(secure=proxy, plain=proxy)
    for shown in (str(proxy), repr(proxy), pretty_repr(proxy), repr(proxies), pretty_repr(proxies)):
        assert "s3cret" not in shown
        assert "ann" not in shown
        assert "proxy.example:3128" in shown
    assert parse_proxy("http://[::1]:80").name == "[::1]:80"
