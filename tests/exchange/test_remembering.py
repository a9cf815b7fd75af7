"""What was chosen about sending and arriving outlives the process that was told of it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from filesend_tui.core.choices import ARRIVING, SENDING, Arriving, Links, Overwrite, Sending, Stood
from filesend_tui.core.events import Direction, SessionId, TransferPhase
from filesend_tui.core.exchange.facts import TransferFacts
from filesend_tui.core.journal.records import TransferRecord, pack, unpack
from filesend_tui.core.resume.transfers import facts_of, record_of
from relay.protocol.words import FileRequest, OfferedFile, OfferedLink

REQUEST = FileRequest(
    id="0" * 16,
    files=[OfferedFile(path="t/a", size=9, holes=4)],
    links=[OfferedLink(path="t/b", to="t/a", hard=True)],
)


def test_a_transfer_is_gone_on_with_by_the_same_choice() -> None:
    facts = TransferFacts(
        REQUEST,
        Direction.RECEIVE,
        TransferPhase.TRANSFERRING,
        (True,),
        Path("/somewhere"),
        sending=Sending(Links.KEEP, ("*.log",), gitignore=True, times=False, skip=True),
        arriving=Arriving(False, Overwrite.ASK, True, (Stood(0, 1, 2),)),
    )
    record = record_of(SessionId("s"), "Ann", facts, ((), b""))
    assert facts_of(unpack(TransferRecord, pack(record))) == facts


def test_a_record_of_before_means_what_it_meant() -> None:
    facts = TransferFacts(REQUEST, Direction.SEND, TransferPhase.ASKED)
    record = record_of(SessionId("s"), "Ann", facts, ((), b""))
    fields = {
        name: getattr(record, name)
        for name in record.__struct_fields__
        if name not in ("sending", "arriving", "folder", "chosen")
    }
    earlier = msgspec.defstruct("Earlier", [(name, object) for name in fields])(**fields)
    known = unpack(TransferRecord, pack(earlier))
    assert (known.sending, known.arriving) == (SENDING, ARRIVING)
