"""Records as they come in life."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from filesend_tui.core.events import Direction, SessionId, TransferPhase
from filesend_tui.core.journal.records import (
    KeptWord,
    SessionRecord,
    ShareRecord,
    Source,
    TransferRecord,
)

ANN, BOB = SessionId("a" * 16), SessionId("b" * 16)
NAMES = {ANN: "Ann", BOB: "Bob"}
#: The same in the processes that a test starts.
BEGAN = float(os.environ.setdefault("JOURNAL_TEST_BEGAN", str(time.time() - 100)))
HERE = Path("holiday").absolute()


def session(id: SessionId) -> SessionRecord:
    return SessionRecord(
        side="maker",
        id=id,
        root=b"r" * 32,
        partner=NAMES.get(id, "somebody"),
        relay="http://127.0.0.1:8421",
        created=BEGAN,
        last_seen=BEGAN,
    )


def word(id: SessionId, seq: int, content: bytes = b"hello") -> KeptWord:
    return KeptWord(session=id, seq=seq, event="message", content=content)


def transfer(session: SessionId, id: str, **more: Any) -> TransferRecord:
    sources = (
        Source(
            os.fsencode(HERE / "boat.jpg"),
            3_000,
            1_749_988_800 * 10**9,
            1_749_988_801 * 10**9,
            2049,
            7,
        ),
        Source(os.fsencode(HERE / "beach.jpg"), 0, -1, None, 2**64 - 1, 2**64 - 1),
    )
    return TransferRecord(
        **{
            "session": session,
            "id": id,
            "direction": Direction.SEND,
            "phase": TransferPhase.APPROVED,
            "partner": NAMES.get(session, "somebody"),
            "request": b'{"files": "holiday"}',
            "accepted": (True, False),
            "chosen": (HERE,),
            "sources": sources,
            "info_hash": bytes(20),
            "info": b"d4:infoe holiday",
            "swarm_key": b"k" * 32,
            "magnet": "magnet:?xt=urn:btih:0123",
            "created": BEGAN,
            "updated": BEGAN,
            **more,
        }
    )


def share(id: str) -> ShareRecord:
    return ShareRecord(
        id=id,
        direction=Direction.RECEIVE,
        name="film",
        magnet="magnet:?xt=urn:btih:aaaa",
        trackers=("wss://tracker.example",),
        folder=Path("inbox").absolute(),
        selected=(0, 2),
        info=b"d4:infoe holiday",
        created=BEGAN,
        updated=BEGAN,
    )
