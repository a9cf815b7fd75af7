"""bittorrent-tracker's own client, in a browser, against our tracker: all it can say, and hears."""

from __future__ import annotations

import pytest

from tests.interop.kinds import MEET, Chromium
from tests.interop.trackers import Tracker

#: Bytes that text would trip over: NUL, newline, a quote, a backslash, and most above 127.
INFO_HASH = "000a225c7f8090a0b0c0d0e0f0fdfeff0122fffe"
OTHER_HASH = "ff" * 20
ALICE = b"-WW0208-alice-------".hex()
BOB = (b"-WW0208-" + bytes(range(0xF4, 0x100))).hex()


def figures(line: dict[str, object]) -> tuple[object, object]:
    return line["complete"], line["incomplete"]


def test_it_announces_meets_scrapes_completes_and_stops(
    tracker: Tracker, chromium: Chromium
) -> None:
    at = {"tracker": tracker.url, "infoHash": INFO_HASH}
    alice, bob = chromium.page(), chromium.page()

    alone = alice.ask("join", "update", **at, peerId=ALICE, left=0)
    assert figures(alone) == (1, 0)
    assert 10 <= alone["interval"] <= 600
    both = bob.ask("join", "update", **at, peerId=BOB, left=1000)
    assert figures(both) == (1, 1)

    # Bob's offers reached Alice and her answer reached him: a channel is open between them.
    met = alice.wait("met", MEET)
    assert (met["peerId"], met["says"]) == (BOB, BOB)
    met = bob.wait("met", MEET)
    assert (met["peerId"], met["says"]) == (ALICE, ALICE)

    scraped = bob.ask("scrape", "scrape", infoHash=INFO_HASH)
    assert scraped["infoHash"] == INFO_HASH
    assert (*figures(scraped), scraped["downloaded"]) == (1, 1, 0)

    assert figures(bob.ask("announce", "update", how="complete", left=0)) == (2, 0)
    scraped = bob.ask("scrape", "scrape", infoHash=[INFO_HASH])
    assert (*figures(scraped), scraped["downloaded"]) == (2, 0, 1)
    unknown = bob.ask("scrape", "scrape", infoHash=[OTHER_HASH])
    assert (*figures(unknown), unknown["downloaded"]) == (0, 0, 0)

    assert figures(bob.ask("announce", "update", how="stop", left=0)) == (1, 0)
    assert figures(alice.ask("announce", "update", how="update", left=0)) == (1, 0)


def test_a_page_that_is_closed_has_left(tracker: Tracker, chromium: Chromium) -> None:
    at = {"tracker": tracker.url, "infoHash": INFO_HASH}
    alice, bob = chromium.page(), chromium.page()
    alice.ask("join", "update", **at, peerId=ALICE, left=0)
    assert figures(bob.ask("join", "update", **at, peerId=BOB, left=1)) == (1, 1)

    chromium.close_page(alice)

    assert figures(bob.ask("announce", "update", how="update", left=1)) == (0, 1)


def test_a_failure_leaves_it_connected(tracker: Tracker, chromium: Chromium) -> None:
    """A failure without `action` makes it drop its socket for ten seconds at least."""
    page = chromium.page()
    page.ask("join", "update", tracker=tracker.url, infoHash=INFO_HASH, peerId=ALICE, left=0)

    warning = page.ask("announce", "warning", how="update", left="not a number")
    assert "left" in warning["message"]
    assert figures(page.ask("announce", "update", how="update", left=0)) == (1, 0)


pytestmark = pytest.mark.parametrize("tracker", ["relay"], indirect=True)
