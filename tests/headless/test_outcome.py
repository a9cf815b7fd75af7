"""headless/outcome.py: which events mean that a run is done, and which that it failed."""

from __future__ import annotations

import pytest

from filesend_tui.core import events
from filesend_tui.core.errors import FileSendError
from filesend_tui.core.events import Direction, TransferPhase
from filesend_tui.headless.outcome import Outcome, Told


def asked(transfer: str = "a") -> events.FileRequest:
    return events.FileRequest(
        transfer=transfer, direction=Direction.RECEIVE, partner="P", files=(), total_bytes=0
    )


def phase(phase: TransferPhase, transfer: str = "a", reason: str = "") -> events.TransferState:
    return events.TransferState(
        transfer=transfer, direction=Direction.RECEIVE, phase=phase, reason=reason
    )


def error(code: str, transfer: str | None = "a") -> events.Error:
    return events.Error(code=code, message="M.", hint="H.", transfer=transfer)


def gone(reason: str) -> events.PartnerGone:
    return events.PartnerGone(partner="P", reason=reason)


DONE = phase(TransferPhase.DONE)
FAILED = phase(TransferPhase.FAILED)
FAILED_B = phase(TransferPhase.FAILED, "b")

#: What comes in, and the code of what is raised at the last of it (None: done).
RUNS: dict[str, tuple[list[events.Event], str | None]] = {
    "done": ([asked(), phase(TransferPhase.READY), DONE], None),
    "declined": ([asked(), phase(TransferPhase.DECLINED)], "declined"),
    "cancelled": ([asked(), phase(TransferPhase.CANCELLED, reason="why")], "cancelled"),
    "failed for a reason": ([asked(), error("noSpace"), FAILED], "noSpace"),
    "failed for none": ([asked(), FAILED], "failed"),
    "another's error is not the reason": ([asked(), error("noSpace", "b"), FAILED], "failed"),
    "a warning is not why it was cancelled": (
        [asked(), error("trackerFailed"), phase(TransferPhase.CANCELLED)],
        "cancelled",
    ),
    "partner gone on the way": (
        [asked(), gone("lost"), error("partnerGone"), FAILED],
        "partnerGone",
    ),
    "partner left before asking": ([gone("left")], "partnerGone"),
    "partner lost before asking": ([gone("lost")], "partnerGone"),
    "relay lost before asking": ([gone("relay")], "relayUnreachable"),
    "broken off before asking": ([error("relayTampered", None), gone("broken")], "relayTampered"),
    "broken off on the way": (
        [
            asked(),
            error("relayTampered", None),
            gone("broken"),
            error("relayTampered"),
            FAILED,
        ],
        "relayTampered",
    ),
    "an earlier error is not why somebody left": (
        [error("failed", None), gone("left")],
        "partnerGone",
    ),
    "two, one after the other's end": (
        [asked("a"), asked("b"), DONE, phase(TransferPhase.DONE, "b")],
        None,
    ),
    "two, and the first failure counts": (
        [asked("a"), asked("b"), phase(TransferPhase.DECLINED, "b"), FAILED],
        "declined",
    ),
    "one done, and the partner leaves the other": (
        [asked("a"), asked("b"), DONE, gone("left"), error("partnerGone", "b"), FAILED_B],
        "partnerGone",
    ),
}


@pytest.mark.parametrize(("seen", "code"), RUNS.values(), ids=RUNS)
def test_a_run_ends_with_its_last_event_and_not_before(
    seen: list[events.Event], code: str | None
) -> None:
    outcome = Outcome()
    *before, last = seen
    for event in before:
        assert outcome.see(event) is False
    if code is None:
        assert outcome.see(last) is True
    else:
        with pytest.raises(FileSendError) as raised:
            outcome.see(last)
        assert raised.value.code == code
    assert outcome.open_transfers == set()


def test_open_transfers_are_those_not_ended() -> None:
    outcome = Outcome()
    outcome.see(asked("a"))
    outcome.see(asked("b"))
    outcome.see(DONE)
    assert outcome.open_transfers == {"b"}


def test_the_published_words_are_kept() -> None:
    outcome = Outcome()
    outcome.see(asked())
    outcome.see(error("noSpace"))
    with pytest.raises(FileSendError) as raised:
        outcome.see(FAILED)
    assert (raised.value.message, raised.value.hint) == ("M.", "H.")
    assert isinstance(raised.value, Told), "and not said again"


@pytest.mark.parametrize(
    ("code", "message"),
    [("relayUnreachable", "M."), ("trackerFailed", "The connection to the relay was lost.")],
)
def test_why_this_side_hung_up_on_the_relay_is_what_ended_it(code: str, message: str) -> None:
    outcome = Outcome()
    outcome.see(error(code, None))
    with pytest.raises(FileSendError) as raised:
        outcome.see(gone("relay"))
    assert (raised.value.code, raised.value.message) == ("relayUnreachable", message)
