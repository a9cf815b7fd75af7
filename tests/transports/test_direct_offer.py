from __future__ import annotations

import base64
import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.transports.direct.offer import (
    MAX_ADDRESSES,
    MAX_TEXT,
    BadDirectOffer,
    DirectOffer,
    Endpoint,
    own_addresses,
    plausible,
)

TICKET = bytes(range(16))
CERTIFICATE = b"c" * 300
HOME = Endpoint("192.168.1.7", 4000)


def text(**changes: object) -> str:
    fields = {
        "t": base64.b64encode(TICKET).decode(),
        "c": base64.b64encode(CERTIFICATE).decode(),
        "a": [["192.168.1.7", 4000]],
    }
    return json.dumps(fields | changes)


def test_an_offer_is_read_as_it_was_written() -> None:
    offer = DirectOffer(TICKET, CERTIFICATE, (HOME, Endpoint("2001:db8::1", 65535)))
    assert DirectOffer.decode(offer.encode()) == offer
    assert DirectOffer.decode(text()) == DirectOffer(TICKET, CERTIFICATE, (HOME,))


def test_the_longest_offer_fits_into_a_sealed_description() -> None:
    widest = Endpoint("2001:0db8:1111:2222:3333:4444:5555:6666", 65535)
    offer = DirectOffer(TICKET, bytes(420), (widest,) * 40)
    assert len(offer.encode()) <= MAX_TEXT
    assert offer.encode().count("2001") == MAX_ADDRESSES


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "[]",
        "{}",
        text(t="AAAA"),
        text(t=7),
        text(c=""),
        text(c="not base64!"),
        text(c=base64.b64encode(bytes(1025)).decode()),
        text(a=[["192.168.1.7", 0]]),
        text(a=[["192.168.1.7", 65536]]),
        text(a=[["192.168.1.7", "22"]]),
        text(a=[["192.168.1.7"]]),
        text(a=[["192.168.1.7", 1]] * (MAX_ADDRESSES + 1)),
        text(a=[["1" * 46, 1]]),
        text() + " " * MAX_TEXT,
    ],
)
def test_what_makes_no_sense_is_refused(bad: str) -> None:
    with pytest.raises(BadDirectOffer):
        DirectOffer.decode(bad)


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "240.0.0.1",
        "169.254.169.254",
        "::",
        "ff02::1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1%eth0",
        "::ffff:169.254.169.254",
        "1.2.3",
        "",
    ],
)
def test_nobody_is_sent_to_an_address_that_is_no_single_machines(host: str) -> None:
    assert DirectOffer.decode(text(a=[[host, 80], [*HOME]])).endpoints == (HOME,)


def test_an_address_twice_is_tried_once() -> None:
    assert DirectOffer.decode(text(a=[[*HOME]] * 5)).endpoints == (HOME,)


def test_a_partner_sends_nobody_to_the_services_of_their_own_machine() -> None:
    theirs = [Endpoint("127.0.0.1", 22), Endpoint("::1", 22), Endpoint("127.9.9.9", 22), HOME]
    assert plausible(theirs, ["192.168.1.9"]) == [HOME]
    assert plausible(theirs, ["127.0.0.1", "::1"]) == theirs


def test_own_addresses_are_such_that_a_partner_takes_them() -> None:
    own = own_addresses()
    assert own
    offer = DirectOffer(TICKET, CERTIFICATE, tuple(Endpoint(host, 1) for host in own))
    assert DirectOffer.decode(offer.encode()).endpoints == offer.endpoints


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_an_offer_or_refused(anything: str) -> None:
    with contextlib.suppress(BadDirectOffer):
        DirectOffer.decode(anything)
