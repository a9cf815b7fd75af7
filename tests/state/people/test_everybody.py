"""Who is listed, in which order, and how each stands."""

from __future__ import annotations

import pytest

from filesend_tui.core import events
from filesend_tui.core.events import Contact, SessionId
from filesend_tui.state.people.everybody import People, Standing
from filesend_tui.state.store import Store
from tests.tui.moments import asked

ANAS, BENS = SessionId("a" * 16), SessionId("b" * 16)


def contact(id: str, name: str, seen: float, *, doubted: bool = False) -> Contact:
    return Contact(
        contact=id, name=name, their_name=name, created=0.0, last_seen=seen, doubted=doubted
    )


def listed(people: People, shown: SessionId | None = None, now: float = 0.0) -> list[str]:
    return [f"{each.name} {each.standing}" for each in people.rows(shown, now)]


def test_those_of_a_session_come_first_in_the_order_of_pairing() -> None:
    people = People()
    people.know([contact("c", "Carl", 9.0)])
    people.apply(events.Paired(session=BENS, partner="Ben"), 1.0)
    people.apply(events.Paired(session=ANAS, partner="Ana"), 2.0)
    people.apply(events.PartnerAway(session=BENS, partner="Ben", reason="lost"), 3.0)
    assert listed(people) == ["Ben away", "Ana here", "Carl known"]
    assert people.away_since(BENS) == 3.0
    assert [each.shown for each in people.rows(ANAS, 4.0)] == [False, True, False]
    people.apply(events.PartnerBack(session=BENS, partner="Ben"), 5.0)
    people.apply(events.PartnerGone(session=ANAS, partner="Ana", reason="left"), 6.0)
    assert listed(people) == ["Ben here", "Carl known"]


def test_of_those_without_a_session_who_is_called_or_online_comes_first_and_doubted_ones_last() -> (
    None
):
    people = People()
    people.know(
        [
            contact("d", "Dora", 99.0, doubted=True),
            contact("old", "Old", 1.0),
            contact("new", "New", 50.0),
            contact("on", "On", 2.0),
            contact("call", "Call", 0.0),
        ]
    )
    people.found("on", online=True)
    people.call("call", 10.0)
    assert listed(people) == ["Call called", "On online", "New known", "Old known", "Dora doubted"]
    assert people.rows(None, 52.0)[0].waited == "0:42"
    assert [each.addressable for each in people.rows(None, 0.0)] == [False, True, True, True, False]
    people.call_over("call")
    people.found("on", online=False)
    people.apply(events.ContactSeen(contact="old", name="Old"), 1.0)
    assert listed(people)[:2] == ["Old online", "New known"]
    people.apply(events.ContactDoubted(contact="new", name="New", message="m", hint="h"), 1.0)
    assert listed(people)[-2:] == ["Dora doubted", "New doubted"]


def test_a_contact_with_a_session_is_one_person_by_the_name_given_here() -> None:
    people = People()
    people.know([contact("c", "Carl of work", 9.0)])
    people.apply(events.Paired(session=ANAS, partner="Carl", contact="c"), 1.0)
    (only,) = people.rows(None, 2.0)
    assert (only.key, only.name, only.session, only.standing) == (
        "c",
        "Carl of work",
        ANAS,
        Standing.HERE,
    )
    people.apply(events.PartnerGone(session=ANAS, partner="Carl", reason="left"), 3.0)
    assert listed(people) == ["Carl of work known"]


def test_who_is_remembered_and_forgotten_stays_while_the_session_lasts() -> None:
    people = People()
    people.apply(events.Paired(session=ANAS, partner="Ana"), 1.0)
    people.apply(events.RememberAsked(session=ANAS, partner="Ana"), 2.0)
    assert people.asks(ANAS)
    people.apply(events.Remembered(session=ANAS, partner="Ana", contact="x", name="Ana"), 3.0)
    assert (people.rows(None, 4.0)[0].key, people.asks(ANAS)) == ("x", False)
    people.know([contact("x", "Ana", 3.0)])
    people.apply(events.ContactForgotten(contact="x", name="Ana", by=events.Who.PARTNER), 5.0)
    (only,) = people.rows(None, 6.0)
    assert (only.key, only.contact, only.last_seen) == (ANAS, "", None)


# -- the store, with several of them


def both() -> Store:
    store = Store()
    store.apply(events.Paired(session=ANAS, partner="Ana"), 1.0)
    store.apply(events.Paired(session=BENS, partner="Ben"), 2.0)
    return store


def test_who_comes_later_hides_and_ends_nobody() -> None:
    store = both()
    assert (store.partner, store.session, store.others) == ("Ana", ANAS, 1)
    assert store.notice is not None and "Ben is here, too." in store.notice.message
    for number, (session, who) in enumerate(((BENS, "Ben"), (ANAS, "Ana"))):
        for event in asked(f"r{number}", partner=who):
            store.apply(events.of_session(event, session), 3.0)
    assert [(row.partner, row.session) for row in store.requests] == [("Ben", BENS), ("Ana", ANAS)]
    store.apply(events.PartnerGone(session=ANAS, partner="Ana", reason="left"), 4.0)
    assert store.partner is None, "keys that meant her mean nobody, and not somebody else"
    assert [each.name for each in store.everybody] == ["Ben"]
    assert not store.addressed


def test_turning_to_somebody_shows_them_with_what_they_asked() -> None:
    store = both()
    store.apply(events.RememberAsked(session=BENS, partner="Ben"), 3.0)
    assert not store.asks_to_remember
    store.apply(events.PartnerAway(session=BENS, partner="Ben", reason="lost"), 4.0)
    assert store.away_since is None
    store.turn_to(BENS)
    assert (store.partner, store.away_since, store.asks_to_remember) == ("Ben", 4.0, True)
    assert [each.name for each in store.addressed] == ["Ben"]
    store.answered_remembering()
    store.turn_to(ANAS)
    store.turn_to(BENS)
    assert not store.asks_to_remember


def test_what_this_side_asks_is_not_told_as_asked_by_one_who_is_no_longer_shown() -> None:
    store = both()
    store.apply(events.RememberAsked(session=BENS, partner="Ben", outgoing=True), 3.0)
    assert store.notice is not None
    assert store.notice.message == "Asked Ben whether you remember each other."


def test_a_contact_who_comes_takes_neither_the_code_nor_the_keys() -> None:
    store = Store()
    store.apply(events.Code(session=ANAS, code="7-apple-violin", expires_seconds=600), 0.0)
    store.apply(events.Paired(session=BENS, partner="Ben", contact="b"), 1.0)
    assert store.partner is None and not store.addressed
    assert store.code is not None and store.code.works(2.0)
    store.apply(events.Paired(session=ANAS, partner="Ana"), 2.0)
    assert (store.partner, store.code) == ("Ana", None)


def test_a_code_for_somebody_else_is_shown_beside_a_partner() -> None:
    store = Store()
    store.apply(events.Paired(session=ANAS, partner="Ana"), 0.0)
    assert not store.invites(1.0)
    store.apply(events.Code(session=BENS, code="7-apple-violin", expires_seconds=600), 1.0)
    assert store.invites(2.0)
    assert not store.invites(602.0)
    store.apply(events.CodeClaimed(session=BENS), 3.0)
    assert store.invites(4.0)
    store.apply(events.Paired(session=BENS, partner="Ben"), 5.0)
    assert not store.invites(6.0)


def test_the_choice_is_for_the_recipients_and_for_nobody_in_place_of_one_who_left() -> None:
    store = both()
    store.people.know([contact("c", "Carl", 1.0), contact("d", "Dora", 1.0, doubted=True)])
    store.recipients = (BENS, "c", "d")
    assert [each.name for each in store.addressed] == ["Ben", "Carl"]
    store.apply(events.PartnerGone(session=BENS, partner="Ben", reason="left"), 4.0)
    store.people.know([])
    assert not store.addressed
    store.recipients = ()
    assert [each.name for each in store.addressed] == ["Ana"]


def test_the_choice_stays_for_somebody_who_is_remembered_meanwhile() -> None:
    store = both()
    store.recipients = (BENS,)
    remembered = events.Remembered(session=BENS, partner="Ben", contact="b", name="Ben")
    store.apply(remembered, 3.0)
    assert [each.name for each in store.addressed] == ["Ben"]


def test_a_line_says_whom_it_was_for_where_there_are_several() -> None:
    store = both()
    for session, who in ((ANAS, "Ana"), (BENS, "Ben")):
        store.apply(events.Message(session=session, partner=who, text="hi", outgoing=True), 3.0)
    store.apply(events.Message(session=BENS, partner="Ben", text="hello"), 3.0)
    assert [(line.who, line.to) for line in store.talk] == [
        ("Ana", "Ana"),
        ("Ben", "Ben"),
        ("Ben", ""),
    ]


@pytest.mark.parametrize(
    ("contact_of_session", "doubted", "hint"),
    [
        ("a", False, "P reaches them again, without a code."),
        ("a", True, "Press p to pair again."),
        ("", False, "Press p to pair again."),
    ],
    ids=["remembered", "doubted", "a stranger of the same name"],
)
@pytest.mark.parametrize("reason", ["left", "relay"])
def test_who_leaves_is_reached_as_they_can_be(
    contact_of_session: str, doubted: bool, hint: str, reason: str
) -> None:
    store = Store()
    store.people.know([contact("a", "Ana", 1.0, doubted=doubted)])
    store.apply(events.Paired(session=ANAS, partner="Ana", contact=contact_of_session), 2.0)
    store.apply(events.PartnerGone(session=ANAS, partner="Ana", reason=reason), 3.0)
    assert store.notice is not None
    assert store.notice.hint.lower().endswith(hint.lower())
