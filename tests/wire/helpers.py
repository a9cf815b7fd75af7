"""Two wire connections driven against each other, and raw bytes as a hostile peer sends them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from filesend_tui.core.wire.connection import WireConnection
from filesend_tui.core.wire.events import WireEvent
from filesend_tui.core.wire.handshake import OUR_RESERVED, Handshake
from filesend_tui.core.wire.messages import Message, encode
from filesend_tui.core.wire.shape import BLOCK, TorrentShape

INFO_HASH = bytes(range(20))
ALICE = b"-FS0100-aliceaaaaaaa"
BOB = b"-FS0100-bobbbbbbbbbb"
#: Ten pieces of two blocks, the last piece one block and 100 bytes.
SHAPE = TorrentShape(10, 2 * BLOCK, 9 * 2 * BLOCK + BLOCK + 100)

NO_EXTENSIONS = bytes(8)
ONLY_EXTENDED = bytes.fromhex("0000000000100000")
ONLY_FAST = bytes.fromhex("0000000000000004")


def connection(peer_id: bytes = ALICE, metadata_size: int | None = None) -> WireConnection:
    return WireConnection(
        info_hash=INFO_HASH,
        peer_id=peer_id,
        reqq=200,
        client="FileSend test",
        metadata_size=metadata_size,
    )


@dataclass
class Pair:
    """Both ends and what each has heard."""

    alice: WireConnection
    bob: WireConnection
    heard_by_alice: list[WireEvent] = field(default_factory=list)
    heard_by_bob: list[WireEvent] = field(default_factory=list)

    def pump(self, step: int | None = None) -> None:
        """Carry bytes both ways, `step` at a time, until neither has any left."""
        while True:
            to_bob = b"".join(self.alice.data_to_send())
            to_alice = b"".join(self.bob.data_to_send())
            if not to_bob and not to_alice:
                return
            self.heard_by_bob += feed(self.bob, to_bob, step)
            self.heard_by_alice += feed(self.alice, to_alice, step)

    def forget(self) -> None:
        self.heard_by_alice.clear()
        self.heard_by_bob.clear()


def pair(
    *, shapes: bool = True, reserved: bytes = OUR_RESERVED, metadata_size: int | None = None
) -> Pair:
    """Return two ends that shook hands; `reserved` is what bob says that he can do."""
    alice, bob = connection(ALICE, metadata_size), connection(BOB)
    if shapes:
        alice.set_shape(SHAPE)
        bob.set_shape(SHAPE)
    alice.open()
    bob.open()
    (hello,) = bob.data_to_send()
    ends = Pair(alice, bob)
    ends.heard_by_alice += alice.receive_data(hello[:20] + reserved + hello[28:])
    (hello,) = alice.data_to_send()
    ends.heard_by_bob += bob.receive_data(hello[:20] + reserved + hello[28:])
    return ends


def feed(end: WireConnection, data: bytes, step: int | None = None) -> list[WireEvent]:
    step = step or max(1, len(data))
    return [
        event
        for at in range(0, len(data), step)
        for event in end.receive_data(data[at : at + step])
    ]


def shaken(*, shape: TorrentShape | None = SHAPE, reserved: bytes = OUR_RESERVED) -> WireConnection:
    """Return one end that took the handshake of a peer which the test plays itself."""
    end = connection()
    if shape is not None:
        end.set_shape(shape)
    end.open()
    end.data_to_send()
    end.receive_data(Handshake(INFO_HASH, BOB, reserved).encode())
    return end


def raw(messages: Iterable[Message]) -> bytes:
    return b"".join(map(encode, messages))


def chunks(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut data at any places; a number beyond its end wraps around."""
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]
