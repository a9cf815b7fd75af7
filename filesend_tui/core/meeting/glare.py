"""Glare: two peers offer to each other at once; one connection stays, the same on both sides.

A table, and the reason why both sides reach the same result: each answers at most one offer of the
other, and only while it knows of no connection between them. So when both find a second one in
the answer to their own offer, both know of both, and the offer of the lower peer id wins.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Contact(StrEnum):
    """The state of contact between us and one peer."""

    NONE = "none"
    ANSWERING = "answering"  # we answered its offer; the channel is not open yet
    OFFERED = "offered"  # it answered our offer; the channel is not open yet
    OPEN = "open"


class Verdict(StrEnum):
    """What to do with a received offer or answer."""

    TAKE = "take"
    LEAVE = "leave"
    REPLACE = "replace"  # cancel answering its offer, and take its answer to ours
    BESIDE = "beside"  # take it beside those in progress: the first to open stays


_OFFER: Final = {
    Contact.NONE: Verdict.TAKE,
    Contact.ANSWERING: Verdict.LEAVE,
    Contact.OFFERED: Verdict.LEAVE,
    Contact.OPEN: Verdict.LEAVE,
}

_ANSWER: Final = {
    (Contact.NONE, True): Verdict.TAKE,
    (Contact.NONE, False): Verdict.TAKE,
    (Contact.ANSWERING, True): Verdict.REPLACE,
    (Contact.ANSWERING, False): Verdict.LEAVE,
    (Contact.OFFERED, True): Verdict.LEAVE,
    (Contact.OFFERED, False): Verdict.LEAVE,
    (Contact.OPEN, True): Verdict.LEAVE,
    (Contact.OPEN, False): Verdict.LEAVE,
}


def on_offer(link: Contact) -> Verdict:
    """Judge a peer's offer."""
    return _OFFER[link]


def on_answer(link: Contact, *, ours: bytes, theirs: bytes) -> Verdict:
    """Judge a peer's answer to our offer, by its peer id and ours."""
    return _ANSWER[link, ours < theirs]


def on_sealed_offer(link: Contact, *, elsewhere: bool) -> Verdict:
    """Judge an offer that the peer itself made, as in a private swarm; see `on_sealed_answer`.

    Args:
        link: The state of contact.
        elsewhere: Whether the attempts in progress came through other trackers than this offer.
    """
    return Verdict.BESIDE if link is Contact.ANSWERING and elsewhere else on_offer(link)


def on_sealed_answer(link: Contact, *, ours: bytes, theirs: bytes, fresh: bool) -> Verdict:
    """Judge an answer that the peer itself made, as in a private swarm.

    A tracker cannot make such an answer, but it can hold one back, and leave both of us with
    attempts that never open. So an attempt in progress does not exclude one through another
    tracker. Both sides still reach the same result: the lower id never has offers of both in
    progress, as it cancels answering; the higher one waits for the first that opens.

    Args:
        link: The state of contact.
        ours: Our peer id.
        theirs: The peer's.
        fresh: Whether the peer's attempt for this answer cannot have timed out yet.
    """
    verdict = on_answer(link, ours=ours, theirs=theirs)
    if link in (Contact.NONE, Contact.OPEN) or (verdict is Verdict.REPLACE and fresh):
        return verdict
    return Verdict.BESIDE
