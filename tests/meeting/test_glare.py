"""The table by itself, and two peers that follow it while everything between them is reordered."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.meeting.glare import (
    Contact,
    Verdict,
    on_answer,
    on_offer,
    on_sealed_answer,
    on_sealed_offer,
)

LOW, HIGH = b"a" * 20, b"b" * 20


@pytest.mark.parametrize("link", Contact)
def test_an_offer_is_taken_only_from_a_peer_without_a_link(link: Contact) -> None:
    assert (on_offer(link) is Verdict.TAKE) == (link is Contact.NONE)


@pytest.mark.parametrize("link", Contact)
def test_an_answer_replaces_our_answering_only_at_the_lower_id(link: Contact) -> None:
    verdicts = {on_answer(link, ours=LOW, theirs=HIGH), on_answer(link, ours=HIGH, theirs=LOW)}
    expected = {
        Contact.NONE: {Verdict.TAKE},
        Contact.ANSWERING: {Verdict.REPLACE, Verdict.LEAVE},
        Contact.OFFERED: {Verdict.LEAVE},
        Contact.OPEN: {Verdict.LEAVE},
    }
    assert verdicts == expected[link]
    assert on_answer(Contact.ANSWERING, ours=LOW, theirs=HIGH) is Verdict.REPLACE


class End:
    """One peer as the dialer behaves: which connection it stands by, known by who offered it."""

    def __init__(self, peer_id: bytes) -> None:
        self.peer_id = peer_id
        self.link = Contact.NONE
        self.stands_by: tuple[bytes, int] | None = None

    def offered(self, offer: tuple[bytes, int]) -> bool:
        if on_offer(self.link) is Verdict.LEAVE:
            return False
        self.link, self.stands_by = Contact.ANSWERING, offer
        return True

    def answered(self, offer: tuple[bytes, int], theirs: bytes) -> None:
        if on_answer(self.link, ours=self.peer_id, theirs=theirs) is not Verdict.LEAVE:
            self.link, self.stands_by = Contact.OFFERED, offer


@given(st.integers(1, 4), st.integers(1, 4), st.randoms(use_true_random=False))
def test_two_ends_always_stand_by_the_same_one_connection(
    low_offers: int, high_offers: int, chance: random.Random
) -> None:
    ends = {LOW: End(LOW), HIGH: End(HIGH)}
    other = {LOW: HIGH, HIGH: LOW}
    # Several trackers carry these, so any order may be the one they arrive in.
    on_the_way = [("offer", (LOW, n)) for n in range(low_offers)]
    on_the_way += [("offer", (HIGH, n)) for n in range(high_offers)]
    while on_the_way:
        kind, offer = on_the_way.pop(chance.randrange(len(on_the_way)))
        offerer = offer[0]
        if kind == "offer":
            if ends[other[offerer]].offered(offer):
                on_the_way.append(("answer", offer))
        else:
            ends[offerer].answered(offer, theirs=other[offerer])
    assert ends[LOW].stands_by == ends[HIGH].stands_by
    assert ends[LOW].stands_by is not None
    assert {ends[LOW].link, ends[HIGH].link} == {Contact.ANSWERING, Contact.OFFERED}


@pytest.mark.parametrize("link", Contact)
@pytest.mark.parametrize("fresh", [True, False])
def test_a_sealed_answer_is_kept_out_by_nothing_but_an_open_channel(
    link: Contact, fresh: bool
) -> None:
    lower = on_sealed_answer(link, ours=LOW, theirs=HIGH, fresh=fresh)
    higher = on_sealed_answer(link, ours=HIGH, theirs=LOW, fresh=fresh)
    expected = {
        Contact.NONE: (Verdict.TAKE, Verdict.TAKE),
        Contact.ANSWERING: (Verdict.REPLACE if fresh else Verdict.BESIDE, Verdict.BESIDE),
        Contact.OFFERED: (Verdict.BESIDE, Verdict.BESIDE),
        Contact.OPEN: (Verdict.LEAVE, Verdict.LEAVE),
    }
    assert (lower, higher) == expected[link]


@pytest.mark.parametrize("link", Contact)
def test_a_sealed_offer_is_taken_beside_what_another_tracker_holds_up(link: Contact) -> None:
    assert on_sealed_offer(link, elsewhere=False) is on_offer(link)
    beside = Verdict.BESIDE if link is Contact.ANSWERING else on_offer(link)
    assert on_sealed_offer(link, elsewhere=True) is beside


class SealedEnd:
    """One peer of a private swarm as the dialer behaves."""

    def __init__(self, peer_id: bytes) -> None:
        self.peer_id = peer_id
        self.under_way: dict[tuple[bytes, int], Contact] = {}
        self.open: tuple[bytes, int] | None = None

    @property
    def link(self) -> Contact:
        if self.open:
            return Contact.OPEN
        return [*self.under_way.values()][-1] if self.under_way else Contact.NONE

    def offered(self, offer: tuple[bytes, int]) -> bool:
        # Through which of three trackers it came is in its number.
        elsewhere = all(
            link is not Contact.ANSWERING or number % 3 != offer[1] % 3
            for (_, number), link in self.under_way.items()
        )
        if on_sealed_offer(self.link, elsewhere=elsewhere) is Verdict.LEAVE:
            return False
        self.under_way[offer] = Contact.ANSWERING
        return True

    def answered(self, offer: tuple[bytes, int], theirs: bytes) -> None:
        verdict = on_sealed_answer(self.link, ours=self.peer_id, theirs=theirs, fresh=True)
        if verdict is Verdict.REPLACE:
            self.under_way.clear()
        if verdict is not Verdict.LEAVE:
            self.under_way[offer] = Contact.OFFERED

    def opened(self, offer: tuple[bytes, int]) -> None:
        self.open = offer
        self.under_way.clear()


@given(st.integers(1, 6), st.integers(1, 6), st.randoms(use_true_random=False))
def test_members_open_the_same_one_connection_whatever_opens_when(
    low_offers: int, high_offers: int, chance: random.Random
) -> None:
    ends = {LOW: SealedEnd(LOW), HIGH: SealedEnd(HIGH)}
    other = {LOW: HIGH, HIGH: LOW}
    on_the_way = [("offer", (LOW, n)) for n in range(low_offers)]
    on_the_way += [("offer", (HIGH, n)) for n in range(high_offers)]
    while on_the_way:
        kind, offer = on_the_way.pop(chance.randrange(len(on_the_way)))
        offerer, answerer = ends[offer[0]], ends[other[offer[0]]]
        if kind == "offer":
            if answerer.offered(offer):
                on_the_way.append(("answer", offer))
        elif kind == "answer":
            offerer.answered(offer, theirs=answerer.peer_id)
            if offer in offerer.under_way:
                on_the_way.append(("hello", offer))
        # The channel opens at the answering end first, by the offering end's word over it.
        elif kind == "hello":
            if offer in offerer.under_way and offer in answerer.under_way:
                answerer.opened(offer)
                on_the_way.append(("welcome", offer))
        elif offer in offerer.under_way and answerer.open == offer:
            offerer.opened(offer)
    assert ends[LOW].open == ends[HIGH].open
    assert ends[LOW].open is not None
