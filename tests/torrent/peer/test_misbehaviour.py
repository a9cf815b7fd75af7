from __future__ import annotations

from filesend_tui.core.torrent.drop_reasons import Drop
from filesend_tui.core.torrent.peer import flood_guard, misbehaviour
from filesend_tui.core.torrent.peer.flood_guard import FloodGuard
from filesend_tui.core.torrent.peer.misbehaviour import Misbehaviour
from filesend_tui.core.wire.errors import Reason


def test_one_answer_for_each_request_or_cancel() -> None:
    record = Misbehaviour(0)
    record.asked(2)
    record.asked(1)
    assert [record.answered() for _ in range(4)] == [None, None, None, Reason.UNREQUESTED]


def test_one_answer_for_each_metadata_request() -> None:
    record = Misbehaviour(0)
    assert record.answered_metadata() is Reason.UNREQUESTED
    record.asked_metadata()
    assert record.answered_metadata() is None
    assert record.answered_metadata() is Reason.UNREQUESTED


def test_refusals_count_until_a_block_comes() -> None:
    record = Misbehaviour(0)
    for _ in range(3):
        assert not any(record.refused() for _ in range(misbehaviour.MOST_REFUSALS))
        record.served(1)
    assert not any(record.refused() for _ in range(misbehaviour.MOST_REFUSALS))
    assert record.refused() is Drop.REJECTS_ALL


def test_chokes_count_while_blocks_are_owed() -> None:
    record = Misbehaviour(0)
    assert not any(record.choked(outstanding=0) for _ in range(1000))
    assert not any(record.choked(outstanding=1) for _ in range(misbehaviour.MOST_BARREN_CHOKES))
    record.served(1)
    assert not any(record.choked(outstanding=1) for _ in range(misbehaviour.MOST_BARREN_CHOKES))
    assert record.choked(outstanding=1) is Drop.FLAPPING


def test_a_large_description_may_be_asked_for_a_few_times() -> None:
    record = Misbehaviour(0)
    bound = 3 * 1024 + misbehaviour.METADATA_REQUESTS
    assert not any(record.wants_metadata(1024) for _ in range(bound))
    assert record.wants_metadata(1024) is Drop.METADATA_FLOOD


def test_a_new_connection_must_shake_hands_in_time() -> None:
    record = Misbehaviour(100)
    record.heard(125)
    assert record.overdue(125, shaken=False, outstanding=0) is None
    assert record.overdue(125.1, shaken=True, outstanding=0) is None
    assert record.overdue(125.1, shaken=False, outstanding=0) is Drop.HANDSHAKE_TIMEOUT


def test_silence_ends_it_and_a_keep_alive_does_not() -> None:
    record = Misbehaviour(0)
    record.heard(100)
    assert record.overdue(220, shaken=True, outstanding=0) is None
    assert record.overdue(221, shaken=True, outstanding=0) is Drop.SILENT


def test_who_owes_blocks_must_send_some() -> None:
    record = Misbehaviour(0)
    for now in range(0, 1000, 10):
        record.heard(now)
        assert record.overdue(now, shaken=True, outstanding=0) is None
    for now in range(1000, 1110, 10):
        record.heard(now)
        assert record.overdue(now, shaken=True, outstanding=5) is None
    record.served(1110)
    record.heard(1230)
    assert record.overdue(1230, shaken=True, outstanding=5) is None
    assert record.overdue(1231, shaken=True, outstanding=5) is Drop.STALLED


def test_a_channel_that_holds_one_chunk_back_for_long() -> None:
    record = Misbehaviour(0)
    for now in (0, 119, 238):
        record.heard(now)
        record.sending(now)
        assert record.overdue(now, shaken=True, outstanding=0) is None
        record.sent()
    record.sending(238)
    record.heard(359)
    assert record.overdue(359, shaken=True, outstanding=0) is Drop.NOT_READING


def test_what_waits_to_be_sent_is_bounded() -> None:
    record = Misbehaviour(0)
    assert record.burden(0, misbehaviour.MOST_QUEUED, 0) is None
    assert record.burden(0, misbehaviour.MOST_QUEUED + 1, 0) is Drop.NOT_READING


def test_chatter_is_borne_at_a_rate_and_in_a_burst() -> None:
    bucket = FloodGuard(0)
    total = 0
    for now in range(1000):
        total += flood_guard.PER_SECOND
        assert bucket.allows(total, now)
    assert bucket.allows(total + flood_guard.BURST - flood_guard.PER_SECOND, 999)
    assert not bucket.allows(total + flood_guard.BURST + 1, 999)


def test_quiet_time_is_not_saved_up() -> None:
    bucket = FloodGuard(0)
    assert bucket.allows(0, 10_000)
    assert not bucket.allows(flood_guard.BURST + 1, 10_000)
