"""Sessions in the journal: the keeper that records them, and what a later process restores.

What a session is, is sessions/'s; how a record is stored is journal/'s.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Sequence

import msgspec

from filesend_tui.core.events import SessionId
from filesend_tui.core.journal.journal import Journal
from filesend_tui.core.journal.records import KeptWord, SessionRecord
from filesend_tui.core.sessions.envelope import content_of, event_of
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.shared_secret import Secret
from filesend_tui.core.sessions.state import Ledger, SessionState
from filesend_tui.core.sessions.word_stream import Kept
from relay.protocol.words import CONTENTS, Word


class SessionLedger:
    """The entries of one session; a Ledger of sessions/state.py."""

    def __init__(self, journal: Journal, id: SessionId) -> None:
        self._journal = journal
        self._id = id

    def keep(self, number: int, word: Word) -> Awaitable[bool]:
        """See Ledger."""
        kept = KeptWord(
            session=self._id, seq=number, event=event_of(word), content=content_of(word)
        )
        return self._journal.keep_word(kept)

    def drop(self, upto: int) -> None:
        """See Ledger."""
        self._journal.drop_words(self._id, upto)

    def took(self, number: int) -> Awaitable[bool]:
        """See Ledger."""
        return self._journal.took(self._id, number)

    def entered(self, epoch: int) -> None:
        """See Ledger."""
        self._journal.session_epoch(self._id, epoch, durable=False)


class SessionKeeper:
    """Records sessions; a Keeper of sessions/state.py."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._forgetting: set[asyncio.Task[bool]] = set()

    def session_begun(self, id: SessionId, state: SessionState, relay: str) -> Ledger:
        """See Keeper."""
        now = time.time()
        record = SessionRecord(
            id=id,
            root=state.root.value,
            side=state.side,
            partner=state.partner,
            wants=state.wants,
            verification=state.verification,
            relay=relay,
            epoch=state.epoch,
            taken=state.taken,
            next_seq=state.said + 1,
            remembers=state.remembers,
            contact=state.contact,
            created=now,
            last_seen=now,
        )
        self._journal.save_session(record)
        return SessionLedger(self._journal, id)

    def session_over(self, id: SessionId) -> None:
        """See Keeper."""
        forgetting = asyncio.ensure_future(self._journal.forget_session(id))
        self._forgetting.add(forgetting)
        forgetting.add_done_callback(self._forgetting.discard)

    def ledger(self, id: SessionId) -> Ledger:
        """Return the ledger of a session that is restored."""
        return SessionLedger(self._journal, id)


def state_of(record: SessionRecord, words: Sequence[KeptWord]) -> SessionState:
    """Return the state of a session as it was recorded.

    Raises:
        ValueError: A word is of another version.
    """
    return SessionState(
        root=Secret(record.root),
        side=Side(record.side),
        partner=record.partner,
        wants=record.wants,
        verification=record.verification,
        epoch=record.epoch,
        said=record.next_seq - 1,
        taken=record.taken,
        remembers=record.remembers,
        contact=record.contact,
        kept=tuple(Kept(each.seq, _word(each), len(each.content)) for each in words),
    )


def _word(kept: KeptWord) -> Word:
    try:
        return msgspec.json.decode(kept.content, type=CONTENTS[kept.event])
    except (KeyError, msgspec.DecodeError) as error:
        raise ValueError(f"a word of another version: {kept.event}") from error
