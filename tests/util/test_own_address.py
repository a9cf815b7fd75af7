"""Addresses of this machine, and others, as names of sockets."""

from __future__ import annotations

import asyncio
import socket

import pytest

from filesend_tui.core.util import own_address
from filesend_tui.core.util.own_address import has, until_lost

#: Of RFC 5737, RFC 3849 and the same mapped (RFC 4291, section 2.5.5.2): nobody has these. Not of
#: the first network for documentation, from which some sandboxes give out addresses.
NOBODYS = [("203.0.113.207", 80), ("2001:db8::7", 80, 0, 0), ("::ffff:203.0.113.207", 80, 0, 0)]


@pytest.mark.parametrize(
    "name",
    [("127.0.0.1", 80), ("::ffff:127.0.0.1", 80, 0, 0), None, "", "/a/unix/socket", (), ("a", 1)],
)
def test_what_is_ours_or_cannot_be_told_is_not_lost(name: object) -> None:
    assert has(name)


@pytest.mark.parametrize("name", NOBODYS)
def test_what_is_not_ours_is_lost(name: tuple[object, ...]) -> None:
    try:
        socket.socket(socket.AF_INET6 if len(name) == 4 else socket.AF_INET).close()
    except OSError:
        pytest.skip("there is no IPv6 here")
    assert not has(name)


async def test_an_address_that_is_back_at_the_next_look_was_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = iter([True, False, True, True, False, False])
    monkeypatch.setattr(own_address, "LOOK", 0)
    monkeypatch.setattr(own_address, "has", lambda _: next(looks))
    async with asyncio.timeout(10):
        await until_lost(("203.0.113.207", 80))
    assert not list(looks)
