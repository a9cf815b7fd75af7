"""A peer that says anything at all, in any order, at once or bit by bit, to a real torrent.

Nothing but its own connection may end, no fault of ours may show, and the file still comes.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filesend_tui.core import events as e
from filesend_tui.core.torrent import torrent as torrent_module
from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.handshake import OUR_RESERVED
from filesend_tui.core.wire.shape import BLOCK
from tests.hostile.mutations import bencodable, bencoded
from tests.hostile.stage import Stage
from tests.hostile.villain import NO_FAST
from tests.torrent.lab import Hub, LabRendezvous

pytestmark = pytest.mark.fuzz

PIECES = 6
indices = st.integers(0, PIECES - 1) | st.sampled_from([PIECES, 2**31, 2**32 - 1])
offsets = st.just(0) | st.sampled_from([1, BLOCK - 1, BLOCK, 2**32 - 1])
lengths = st.just(BLOCK) | st.sampled_from([0, 1, BLOCK - 1, BLOCK + 1, 2**17, 2**17 + 1])
spans = st.integers(0, PIECES - 1).map(lambda i: (i, 0, BLOCK)) | st.tuples(
    indices, offsets, lengths
)
offers = st.builds(
    lambda ut, size: bencoded({b"m": {b"ut_metadata": ut}, b"metadata_size": size}),
    st.sampled_from([0, 1, 3, 255]),
    st.sampled_from([0, 1, 500, 16384, 16385, 2**24]),
)
metadata = st.builds(
    lambda kind, piece, size, tail: (
        bencoded({b"msg_type": kind, b"piece": piece, b"total_size": size}) + tail
    ),
    st.integers(0, 3),
    st.sampled_from([0, 1, 1000]),
    st.sampled_from([1, 500, 16384]),
    st.sampled_from([b"", b"x", bytes(500), bytes(16384)]),
)
said: st.SearchStrategy[m.Message] = st.one_of(
    st.sampled_from([m.KeepAlive(), m.Choke(), m.Unchoke(), m.NotInterested()]),
    st.just(m.Interested()),
    st.sampled_from([m.HaveAll(), m.HaveNone()]),
    st.builds(m.Have, indices),
    st.builds(m.Bitfield, st.sampled_from([b"\xfc", b"\x00", b"\xff", b"", b"\xfc\x00"])),
    spans.map(lambda span: m.Request(*span)),
    spans.map(lambda span: m.Cancel(*span)),
    spans.map(lambda span: m.RejectRequest(*span)),
    st.builds(m.Piece, indices, offsets, st.sampled_from([b"", b"x", bytes(BLOCK)])),
    st.builds(m.SuggestPiece, indices),
    st.builds(m.AllowedFast, indices),
    st.builds(m.Extended, st.just(0), offers | bencodable.map(bencoded)),
    st.builds(m.Extended, st.just(1), metadata | bencodable.map(bencoded)),
)
#: Speeches, the first in one breath with the handshake; between them the other side gets to act.
speeches = st.lists(st.lists(said, max_size=6), min_size=1, max_size=6)


@settings(
    max_examples=settings().max_examples // 4,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    speeches,
    st.sampled_from(["seeder", "receiver"]),
    st.sampled_from([OUR_RESERVED, NO_FAST]),
    st.booleans(),
)
def test_whatever_it_says(
    speeches: list[list[m.Message]], side: str, reserved: bytes, describes: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        hub = Hub()
        patch.setattr(LabRendezvous, "hub", hub, raising=False)
        patch.setattr(torrent_module, "Rendezvous", LabRendezvous)
        stage = Stage(hub, Path(folder), size=PIECES * BLOCK)

        async def act() -> None:
            target = await (stage.seeder() if side == "seeder" else stage.receiver())
            villain = await stage.villain(target, reserved=reserved)
            first = speeches[0]
            if describes:
                # A receiver then comes to know the torrent from this peer.
                villain.describe()
                first = [*first, villain.says_it_describes()]
            await villain.hello(*first)
            for speech in speeches[1:]:
                await asyncio.sleep(0.5)
                await villain.say(*speech)
            other = await (stage.receiver() if side == "seeder" else stage.seeder())
            await stage.arrived(other if side == "seeder" else target)
            assert not target.of(e.Error)
            assert not other.of(e.Error)

        stage.play(act)
