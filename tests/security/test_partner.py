"""A partner who was let in and means harm: whoever knew the code may still say anything."""

from __future__ import annotations

import pytest

from filesend_tui.core import errors, events
from filesend_tui.core.events import TransferPhase
from filesend_tui.core.exchange import transfers
from filesend_tui.core.exchange.transfers import Transfers
from filesend_tui.core.sessions.cipher import RoomCipher
from filesend_tui.core.sessions.pairing import Pairing
from relay.protocol import words
from relay.protocol.words import OfferedFile
from tests.conftest import RunningRelay
from tests.exchange.test_transfers import hostile_partner, let_in, pair
from tests.people import Links, NewPerson

ID = "0123456789abcdef"


def request(path: str, id: str = ID) -> words.FileRequest:
    return words.FileRequest(id=id, files=[OfferedFile(path=path, size=1)])


async def test_no_other_request_slips_under_a_question_that_is_on_the_screen(
    new_person: NewPerson, links: Links, relay: RunningRelay
) -> None:
    ada, eve = await hostile_partner(new_person, links, relay.url)
    await eve.tell(request("holiday.jpg"))
    await ada.until(events.FileRequest)
    await eve.tell(words.Cancel(id=ID))
    await eve.tell(request(".bashrc"))
    await eve.until(lambda: any(isinstance(word, words.Cancel) for word in eve.words))
    (asked,) = [event for event in ada.log if isinstance(event, events.FileRequest)]
    assert [file.path for file in asked.files] == ["holiday.jpg"]
    with pytest.raises(errors.FileSendError):
        await ada.people.answer(ID, [True])
    assert not ada.engine.added


async def test_a_request_of_another_partner_takes_no_id_that_was_used(
    new_person: NewPerson, links: Links, relay: RunningRelay
) -> None:
    """An answer names nothing but the id: a yes to the one would be a yes to the other."""
    ada, eve = await hostile_partner(new_person, links, relay.url)
    mallory = await links(relay.url)
    await let_in(ada, mallory, "Mallory")
    await eve.tell(request("holiday.jpg"))
    await ada.until(events.FileRequest)
    for _ in range(2):  # while it is open, and when Eve has gone and the question still stands
        await mallory.tell(request(".bashrc"))
        await mallory.until(lambda: mallory.words)
        (refused,) = mallory.words
        assert isinstance(refused, words.Cancel)
        mallory.words.clear()
        await eve.leave()
        await ada.until(events.TransferState, transfer=ID, phase=TransferPhase.FAILED)
    (asked,) = [event for event in ada.log if isinstance(event, events.FileRequest)]
    assert [file.path for file in asked.files] == ["holiday.jpg"]
    with pytest.raises(errors.RequestGone):
        await ada.people.answer(ID, [True])
    assert not ada.engine.added


async def test_a_request_of_ones_own_is_not_changed_for_one_of_the_partners(
    new_person: NewPerson, links: Links, relay: RunningRelay, tmp_path
) -> None:
    ada, eve = await hostile_partner(new_person, links, relay.url)
    (tmp_path / "mine").write_bytes(b"x")
    transfer = await ada.people.request([tmp_path / "mine"])
    await ada.people.cancel(transfer)
    await eve.tell(request("evil", transfer))
    await eve.until(
        lambda: any(word.reason for word in eve.words if isinstance(word, words.Cancel))
    )
    assert [e.direction for e in ada.log if isinstance(e, events.FileRequest)] == ["send"]


async def test_requests_without_end_are_refused(
    new_person: NewPerson, links: Links, relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "MAX_REQUESTS", 3)
    ada, eve = await hostile_partner(new_person, links, relay.url)
    for number in range(5):
        await eve.tell(request("a", f"{number:016x}"))
        await eve.tell(words.Cancel(id=f"{number:016x}"))
    await eve.until(lambda: len(eve.words) == 2)
    assert len([event for event in ada.log if isinstance(event, events.FileRequest)]) == 3


def broken(*_: object) -> None:
    raise RuntimeError("a fault of this program")


@pytest.mark.parametrize("part", [(RoomCipher, "open"), (Transfers, "receive")])
async def test_a_fault_of_this_program_leaves_nobody_waiting(
    new_person: NewPerson,
    monkeypatch: pytest.MonkeyPatch,
    part: tuple[type, str],
    tmp_path,
) -> None:
    ada, bob = await pair(new_person)
    (tmp_path / "mine").write_bytes(b"x")
    monkeypatch.setattr(*part, broken)
    await ada.people.request([tmp_path / "mine"])
    error = await bob.until(events.Error, code="failed")
    assert "RuntimeError" not in error.message
    await bob.until(events.PartnerGone, reason="broken")
    # Where nothing opens any more, nobody hears the other's goodbye either.
    await ada.until(events.PartnerGone, reason="broken" if part[0] is RoomCipher else "left")
    await ada.until(events.TransferState, phase=events.TransferPhase.FAILED)
    assert bob.partner is ada.partner is None


async def test_a_fault_of_this_program_while_pairing_leaves_nobody_waiting(
    new_person: NewPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = await new_person("Ada"), await new_person("Bob")
    monkeypatch.setattr(Pairing, "receive", broken)
    code = await ada.people.create_code()
    with pytest.raises(errors.FileSendError):
        await bob.people.join(code)
    await ada.until(events.CodeGone, reason="burned")
    await ada.until(events.Error)
    await bob.people.create_code()  # both may go on
    await ada.people.create_code()
