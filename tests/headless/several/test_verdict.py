"""headless/several/verdict.py: what a run to several people comes to."""

from __future__ import annotations

import pytest

from filesend_tui.core.errors import ContactAway, Declined, FileSendError, PartnerGone
from filesend_tui.headless.several.verdict import NAMED, Verdict

NO = Declined("Bob declined: no.")
AWAY = ContactAway("Cid did not come in time.")
GONE = PartnerGone("The connection was lost.")


def given(done: int, *missed: FileSendError) -> FileSendError:
    verdict = Verdict()
    verdict.done = done
    for error in missed:
        verdict.missed(error, "Bob")
    with pytest.raises(FileSendError) as raised:
        verdict.give()
    return raised.value


def test_nothing_is_raised_where_everybody_has_it() -> None:
    verdict = Verdict()
    verdict.done = 2
    verdict.give()


@pytest.mark.parametrize(
    ("missed", "code"),
    [
        pytest.param((NO,), "declined", id="only a no"),
        pytest.param((NO, NO), "declined", id="a no of two"),
        pytest.param((NO, AWAY, GONE), "contactAway", id="the first that is no no"),
        pytest.param((GONE, NO), "partnerGone", id="a no after it"),
    ],
)
def test_the_code_is_of_the_first_failure_and_a_no_counts_least(
    missed: tuple[FileSendError, ...], code: str
) -> None:
    error = given(1, *missed)
    assert error.code == code
    assert error.hint == next(each.hint for each in missed if each.code == code)


def test_who_is_named_once() -> None:
    assert given(0, NO).message == "Nobody has got it. Bob declined: no."
    assert given(2, GONE).message == "2 people have got it. Bob: The connection was lost."


def test_many_are_counted() -> None:
    message = given(1, *[GONE] * (NAMED + 3)).message
    assert message.count("Bob") == NAMED
    assert message.endswith("And 3 more.")
