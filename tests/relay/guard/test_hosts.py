from __future__ import annotations

import socket

import pytest

from relay.guard.hosts import means_this_machine


def means(host: str, local: str = "127.0.0.1") -> bool:
    return means_this_machine(local, [(b"accept", b"*/*"), (b"host", host.encode())])


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8421",
        "127.0.1.1:8421",
        "localhost",
        "LocalHost:8421",
        "localhost.:8421",
        "relay.localhost:8421",
        "[::1]",
        "[::1]:8421",
        f"{socket.gethostname()}:8421",
    ],
)
def test_its_own_names(host: str):
    assert means(host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8421",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8421",
        "evillocalhost",
        "192.0.2.1:8421",
        "0.0.0.0:8421",
        "",
        ":8421",
        "[::1",
    ],
)
@pytest.mark.parametrize("local", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_other_names_on_loopback(host: str, local: str):
    assert not means(host, local)


def test_two_names_are_one_too_many_where_either_is_another():
    headers = [(b"host", b"localhost"), (b"host", b"evil.example")]
    assert not means_this_machine("127.0.0.1", headers)


@pytest.mark.parametrize("local", ["192.0.2.1", "10.0.0.1", "2001:db8::1", ""])
def test_elsewhere_a_relay_may_have_any_name(local: str):
    assert means("relay.example", local)


def test_a_request_without_a_name_is_no_browsers():
    assert means_this_machine("127.0.0.1", [])
