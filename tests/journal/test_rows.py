"""The rows against a model of them: any calls, of two processes that end and come again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from filesend_tui.core.events import SessionId, TransferPhase
from filesend_tui.core.journal import schema
from filesend_tui.core.journal.rows import Rows
from tests.journal.samples import ANN, BOB, session, transfer, word

NOW = 1e9
SESSIONS = st.sampled_from([ANN, BOB])
TRANSFERS = st.sampled_from(["t1", "t2"])
PHASES = st.sampled_from([TransferPhase.READY, TransferPhase.HASHING, TransferPhase.DONE])
NUMBERS = st.integers(0, 5)


@dataclass
class Kept:
    """A session or a transfer in the model."""

    holder: str
    words: list[int] = field(default_factory=list)
    next: int = 0
    taken: int = 0
    phase: TransferPhase = TransferPhase.APPROVED

    @property
    def ended(self) -> bool:
        return self.phase.ended


class Model:
    """What should be in the database, and who is alive."""

    def __init__(self) -> None:
        self.alive = {"one": True, "two": True}
        self.sessions: dict[SessionId, Kept] = {}
        self.transfers: dict[tuple[SessionId, str], Kept] = {}

    def is_gone(self, holder: str | None) -> bool:
        return holder is None or not self.alive[holder]

    def may(self, me: str, kept: Kept | None) -> bool:
        return kept is not None and (kept.holder == me or self.is_gone(kept.holder))

    def owns(self, me: str, kept: Kept | None) -> bool:
        return kept is not None and kept.holder == me

    def save_session(self, me: str, id: SessionId) -> bool:
        kept = self.sessions.setdefault(id, Kept(me))
        return kept.holder == me

    def keep_word(self, me: str, id: SessionId, seq: int) -> bool:
        kept = self.sessions.get(id)
        if kept is None or kept.holder != me or kept.next != seq:
            return False
        kept.words.append(seq)
        kept.next += 1
        return True

    def drop_words(self, me: str, id: SessionId, upto: int) -> bool:
        kept = self.sessions.get(id)
        if kept is None or kept.holder != me:
            return False
        kept.words = [seq for seq in kept.words if seq > upto]
        return True

    def took(self, me: str, id: SessionId, seq: int) -> bool:
        kept = self.sessions.get(id)
        if kept is None or kept.holder != me:
            return False
        kept.taken = max(kept.taken, seq)
        return True

    def claim_session(self, me: str, id: SessionId) -> bool:
        kept = self.sessions.get(id)
        if kept is None or not self.may(me, kept):
            return False
        kept.holder = me
        return True

    def forget_session(self, me: str, id: SessionId) -> bool:
        if not self.claim_session(me, id):
            return False
        del self.sessions[id]
        self.transfers = {key: kept for key, kept in self.transfers.items() if key[0] != id}
        return True

    def save_transfer(self, me: str, of: SessionId, id: str) -> bool:
        kept = self.transfers.setdefault((of, id), Kept(me))
        if kept.holder == me:
            kept.phase = TransferPhase.APPROVED
        return kept.holder == me

    def phase(self, me: str, of: SessionId, id: str, phase: TransferPhase) -> bool:
        kept = self.transfers.get((of, id))
        if kept is None or kept.holder != me or kept.ended:
            return False
        kept.phase = phase
        return True

    def claim(self, me: str, of: SessionId, id: str) -> bool:
        kept = self.transfers.get((of, id))
        if kept is None or kept.ended or not self.may(me, kept):
            return False
        if of in self.sessions and not self.claim_session(me, of):
            return False
        kept.holder = me
        return True

    def forget(self, me: str, of: SessionId, id: str) -> bool:
        kept = self.transfers.get((of, id))
        if kept is None or not self.may(me, kept):
            return False
        del self.transfers[of, id]
        return True


Act = Callable[[Model, str, Rows], tuple[object, object]]


def act(name: str, *arguments: object) -> Act:
    """Call a method of both, with records in place of ids where the rows want such."""

    def acting(model: Model, me: str, rows: Rows) -> tuple[object, object]:
        meant: list[object] = list(arguments)
        if name == "save_session":
            meant = [session(*arguments)]  # type: ignore[arg-type]
        elif name == "keep_word":
            meant = [word(*arguments)]  # type: ignore[arg-type]
        elif name == "save_transfer":
            meant = [transfer(*arguments)]  # type: ignore[arg-type]
        elif name == "phase":
            meant.append(NOW)
        if name == "took":
            of, seq = arguments
            done = rows.change_session(of, partial(replace, taken=seq))  # type: ignore[arg-type]
        else:
            done = getattr(rows, name)(*meant)
        return getattr(model, name)(me, *arguments), done

    return acting


ACTS: st.SearchStrategy[Act] = st.one_of(
    st.builds(partial(act, "save_session"), SESSIONS),
    st.builds(partial(act, "keep_word"), SESSIONS, NUMBERS),
    st.builds(partial(act, "drop_words"), SESSIONS, NUMBERS),
    st.builds(partial(act, "took"), SESSIONS, NUMBERS),
    st.builds(partial(act, "claim_session"), SESSIONS),
    st.builds(partial(act, "forget_session"), SESSIONS),
    st.builds(partial(act, "save_transfer"), SESSIONS, TRANSFERS),
    st.builds(partial(act, "phase"), SESSIONS, TRANSFERS, PHASES),
    st.builds(partial(act, "claim"), SESSIONS, TRANSFERS),
    st.builds(partial(act, "forget"), SESSIONS, TRANSFERS),
)


@given(st.lists(st.tuples(st.sampled_from(["one", "two", "two ends"]), ACTS), max_size=40))
@settings(max_examples=60, deadline=None)
def test_any_calls_do_what_they_say(story: list[tuple[str, Act]]) -> None:
    model = Model()
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(connection)
    by = {name: Rows(connection, name, model.is_gone) for name in ("one", "two")}
    for who, acting in story:
        model.alive["two"] = who != "two ends"
        me = "one" if who == "two ends" else who
        wanted, done = acting(model, me, by[me])
        assert done == wanted
        rows = by["one"]
        assert {each.id: (each.next_seq, each.taken) for each in rows.sessions()} == {
            id: (kept.next, kept.taken) for id, kept in model.sessions.items()
        }
        for id, kept in model.sessions.items():
            assert [each.seq for each in rows.words(id)] == _without_gaps(kept.words)
        found = {
            (each.record.session, each.record.id): (each.record.phase, each.running)  # type: ignore[union-attr]
            for each in rows.unfinished()
        }
        assert found == {
            key: (kept.phase, not model.is_gone(kept.holder))
            for key, kept in model.transfers.items()
            if not kept.ended
        }
    assert not by["one"].spoiled
    connection.close()


def _without_gaps(seqs: list[int]) -> list[int]:
    ordered = sorted(seqs)
    return [seq for place, seq in enumerate(ordered) if seq == ordered[0] + place]
