"""extension_state.py: what both ends said, and the ids they chose."""

from __future__ import annotations

import pytest

from filesend_tui.core.wire.errors import WireError
from filesend_tui.core.wire.events import ExtendedHandshook
from filesend_tui.core.wire.extension_state import DEFAULT_REQQ, ExtensionState
from filesend_tui.core.wire.extensions import MetadataData, MetadataReject, MetadataRequest
from filesend_tui.core.wire.messages import Extended

REQUEST = Extended(1, b"d8:msg_typei0e5:piecei0ee")
DATA = Extended(1, b"d8:msg_typei1e5:piecei0e10:total_sizei4eexxxx")


def state(metadata_size: int | None = None) -> ExtensionState:
    return ExtensionState(reqq=5, client="us", metadata_size=metadata_size)


def test_before_the_peer_said_anything() -> None:
    ours = state()
    assert (ours.peer_reqq, ours.peer_client) == (DEFAULT_REQQ, "")
    assert not ours.peer_has_metadata
    with pytest.raises(RuntimeError):
        ours.metadata(MetadataReject(0))


def test_two_ends_understand_each_other() -> None:
    server, client = state(metadata_size=4), state()
    assert client.receive(server.handshake()) == ExtendedHandshook()
    assert server.receive(client.handshake()) == ExtendedHandshook()
    assert (client.peer_has_metadata, client.peer_metadata_size) == (True, 4)
    assert (server.peer_has_metadata, server.peer_metadata_size) == (False, None)
    assert (client.peer_reqq, client.peer_client) == (5, "us")
    for message in (MetadataRequest(0), MetadataReject(0)):
        assert server.receive(client.metadata(message)) == message
    data = MetadataData(0, 4, b"xxxx")
    assert client.receive(server.metadata(data)) == data


def test_a_request_before_the_peer_took_ut_metadata_cannot_be_answered() -> None:
    with pytest.raises(WireError, match="badExtension"):
        state(metadata_size=4).receive(REQUEST)


def test_our_own_size_counts_before_the_peers() -> None:
    ours = state(metadata_size=4)
    ours.receive(Extended(0, b"d1:md11:ut_metadatai3ee13:metadata_sizei5ee"))
    assert ours.peer_metadata_size == 5
    assert ours.receive(DATA) == MetadataData(0, 4, b"xxxx")


def test_data_of_a_size_that_nobody_said_is_refused() -> None:
    with pytest.raises(WireError, match="badExtension"):
        state().receive(DATA)


def test_other_extensions_lead_to_nothing() -> None:
    assert state().receive(Extended(2, b"\xff")) is None
