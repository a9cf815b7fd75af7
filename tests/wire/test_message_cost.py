"""What a peer says without moving anything is weighed, and what it owes us or serves is not."""

from __future__ import annotations

import pytest

from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.message_cost import HANDSHAKE_WEIGHT
from filesend_tui.core.wire.shape import BLOCK
from tests.wire.helpers import connection, raw, shaken

HELLO = b"d1:md11:ut_metadatai3eee"


@pytest.mark.parametrize(
    ("messages", "weighs"),
    [
        ([m.KeepAlive()] * 3, 3),
        ([m.Choke(), m.Unchoke(), m.Choke()], 3),
        ([m.Interested(), m.NotInterested()], 2),
        ([m.Interested(), m.Interested()], 2),
        ([m.Have(1), m.Have(2)], 0),
        ([m.Have(1), m.Have(1)], 1),
        ([m.HaveAll(), m.Have(1)], 1),
        ([m.Bitfield(bytes(2))], 0),
        ([m.Cancel(0, 0, BLOCK)], 1),
        ([m.SuggestPiece(0), m.AllowedFast(0), m.Port(1)], 3),
        ([m.Extended(0, HELLO)], HANDSHAKE_WEIGHT),
        ([m.Extended(0, HELLO), m.Extended(1, b"d8:msg_typei0e5:piecei0ee")], HANDSHAKE_WEIGHT + 1),
        ([m.Extended(200, b"\xff")], 1),
        ([m.RejectRequest(0, 0, BLOCK), m.Piece(0, 0, bytes(BLOCK))], 0),
    ],
)
def test_a_message_weighs_what_it_is_good_for(messages: list[m.Message], weighs: int) -> None:
    end = shaken()
    end.receive_data(raw(messages))
    assert end.chatter == weighs


def test_an_unknown_message_is_skipped_and_weighed() -> None:
    end = shaken()
    end.receive_data(b"\x00\x00\x00\x02\x63x" * 2)
    assert end.chatter == 2


def test_a_request_weighs_only_while_it_is_refused() -> None:
    end = shaken()
    end.receive_data(raw([m.Request(0, 0, BLOCK)]))
    assert end.chatter == 1
    end.send(m.Unchoke())
    end.receive_data(raw([m.Request(0, 0, BLOCK)]))
    assert end.chatter == 1


def test_what_is_queued_is_counted_until_it_is_taken() -> None:
    end = connection()
    end.open()
    assert end.queued_bytes == 68
    end = shaken()
    end.send(m.Piece(0, 0, bytes(BLOCK)))
    end.send(m.Choke())
    assert end.queued_bytes == 13 + BLOCK + 5 == sum(map(len, end.data_to_send()))
    assert end.queued_bytes == 0
