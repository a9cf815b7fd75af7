"""Peers that break a rule of the wire: each is dropped for it, and the torrent goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import bencode2
import pytest

from filesend_tui.core import events as e
from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.handshake import Handshake
from filesend_tui.core.wire.shape import BLOCK
from tests.hostile.stage import Stage
from tests.hostile.villain import NO_FAST, Villain

Script = Callable[[Villain], Awaitable[None]]


def says(*messages: m.Message) -> Script:
    """Shake hands and say these; the handshake and all of them arrive at once."""

    async def script(villain: Villain) -> None:
        await villain.hello(*messages)

    return script


def sends(data: Callable[[Villain], bytes]) -> Script:
    async def script(villain: Villain) -> None:
        await villain.raw(data(villain))

    return script


def extended(ext_id: int, fields: object, tail: bytes = b"") -> m.Extended:
    return m.Extended(ext_id, bencode2.bencode(fields) + tail)


#: Says that metadata may be sent to it.
TAKES_METADATA = extended(0, {b"m": {b"ut_metadata": 3}})
NOWHERE = 2**32 - 1

BROKEN: dict[str, tuple[Script, str]] = {
    # -- the handshake
    "another protocol": (sends(lambda _: b"GET /announce HTTP/1.1\r\n\r\n"), "badHandshake"),
    "a message before the handshake": (
        sends(lambda v: m.encode(m.Interested()) + v.handshake),
        "badHandshake",
    ),
    "another torrent": (
        sends(lambda v: Handshake(bytes(20), v.peer_id).encode()),
        "wrongInfoHash",
    ),
    "two handshakes": (sends(lambda v: 2 * v.handshake), "oversizedMessage"),
    # -- what it has
    "a piece that is not": (says(m.Have(NOWHERE)), "indexOutOfRange"),
    "one piece too many": (says(m.HaveNone(), m.Have(10**4)), "indexOutOfRange"),
    "two bitfields": (says(m.HaveNone(), m.HaveAll()), "misplacedBitfield"),
    "a bitfield after a have": (says(m.Have(0), m.HaveAll()), "misplacedBitfield"),
    "a short bitfield": (says(m.Bitfield(b"\xff")), "badBitfield"),
    "a long bitfield": (says(m.Bitfield(bytes(100_000))), "badBitfield"),
    "an endless bitfield": (says(m.Bitfield(bytes(2**20))), "oversizedMessage"),
    # -- requests
    "a request for a piece that is not": (
        says(m.Interested(), m.Request(NOWHERE, 0, BLOCK)),
        "indexOutOfRange",
    ),
    "a request beyond a piece": (
        says(m.Interested(), m.Request(0, NOWHERE, BLOCK)),
        "blockOutOfRange",
    ),
    "a request for nothing": (says(m.Interested(), m.Request(0, 0, 0)), "blockOutOfRange"),
    "a request for too much": (
        says(m.Interested(), m.Request(0, 0, 128 * 1024 + 1)),
        "oversizedRequest",
    ),
    "a request for everything": (
        says(m.Interested(), m.Request(0, 0, NOWHERE)),
        "oversizedRequest",
    ),
    "a cancel beyond the torrent": (says(m.Cancel(NOWHERE, 0, BLOCK)), "indexOutOfRange"),
    # -- answers to nothing
    "a block nobody asked for": (says(m.Piece(0, 0, bytes(BLOCK))), "unrequested"),
    "a rejection of nothing": (says(m.RejectRequest(0, 0, BLOCK)), "unrequested"),
    "an oversized block": (says(m.Piece(0, 0, bytes(BLOCK + 1))), "oversizedMessage"),
    "metadata nobody asked for": (
        says(TAKES_METADATA, extended(1, {b"msg_type": 2, b"piece": 0})),
        "unrequested",
    ),
    # -- messages
    "a message without an end": (
        sends(lambda v: v.handshake + b"\xff\xff\xff\xff\x14"),
        "oversizedMessage",
    ),
    "a choke with a payload": (
        sends(lambda v: v.handshake + b"\x00\x00\x00\x05\x00" + bytes(4)),
        "badLength",
    ),
    "a have without an index": (
        sends(lambda v: v.handshake + b"\x00\x00\x00\x01\x04"),
        "badLength",
    ),
    # -- extensions
    "no bencode": (says(m.Extended(0, b"\xff" * 100)), "badExtension"),
    "deep bencode": (says(m.Extended(0, b"l" * 30_000 + b"e" * 30_000)), "badExtension"),
    "deep bencode in a dictionary": (
        says(m.Extended(0, b"d1:v" + b"l" * 30_000 + b"e" * 30_000 + b"e")),
        "badExtension",
    ),
    "an integer of 60,000 digits": (
        says(m.Extended(0, b"d4:reqqi" + b"9" * 60_000 + b"ee")),
        "badExtension",
    ),
    "a list where a dictionary belongs": (says(extended(0, [1])), "badExtension"),
    "an extension id out of range": (
        says(extended(0, {b"m": {b"ut_metadata": 256}})),
        "badExtension",
    ),
    "a negative metadata size": (says(extended(0, {b"metadata_size": -1})), "badExtension"),
    "a metadata size of a terabyte": (says(extended(0, {b"metadata_size": 2**40})), "badExtension"),
    "an oversized extended message": (
        says(m.Extended(0, bytes(64 * 1024 + 1))),
        "oversizedMessage",
    ),
    "a metadata piece that is not": (
        says(TAKES_METADATA, extended(1, {b"msg_type": 0, b"piece": 2**31})),
        "badExtension",
    ),
    "a metadata piece with a huge index": (
        says(
            TAKES_METADATA, extended(1, {b"msg_type": 1, b"piece": 2**62, b"total_size": 1}, b"x")
        ),
        "badExtension",
    ),
    "a metadata request that cannot be answered": (
        says(extended(1, {b"msg_type": 0, b"piece": 0})),
        "badExtension",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_seeder_drops_it_and_serves_on(stage: Stage, kind: str) -> None:
    script, reason = BROKEN[kind]

    async def act() -> None:
        seeder = await stage.seeder()
        villain = await stage.villain(seeder)
        await script(villain)
        assert await stage.drops(seeder) == reason
        await villain.gone.wait()
        await stage.arrived(await stage.receiver())

    stage.play(act)


#: What shows only once the torrent is known.
NEEDS_THE_SHAPE = {"indexOutOfRange", "blockOutOfRange", "badBitfield"}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_receiver_drops_it_and_gets_the_file_elsewhere(stage: Stage, kind: str) -> None:
    """It comes while the receiver knows nothing but the magnet link."""
    script, reason = BROKEN[kind]

    async def act() -> None:
        receiver = await stage.receiver()
        await script(await stage.villain(receiver))
        if reason not in NEEDS_THE_SHAPE:
            assert await stage.drops(receiver) == reason
        await stage.seeder()
        await stage.arrived(receiver)
        # A request that comes that early is refused and forgotten; what it has is remembered.
        if reason in NEEDS_THE_SHAPE and not kind.startswith(("a request", "a cancel")):
            assert await stage.drops(receiver) == reason

    stage.play(act)


@pytest.mark.parametrize(
    "message",
    [m.HaveAll(), m.HaveNone(), m.SuggestPiece(0), m.AllowedFast(0), m.RejectRequest(0, 0, BLOCK)],
)
def test_what_was_not_agreed_on(stage: Stage, message: m.Message) -> None:
    async def act() -> None:
        seeder = await stage.seeder()
        villain = await stage.villain(seeder, reserved=NO_FAST)
        await villain.hello(message)
        assert await stage.drops(seeder) == "fastNotNegotiated"
        deaf = await stage.villain(seeder, "deaf", reserved=bytes(8))
        await deaf.hello(TAKES_METADATA)
        assert await stage.drops(seeder, "deaf") == "extensionsNotNegotiated"
        await stage.arrived(await stage.receiver())

    stage.play(act)


def test_our_own_name(stage: Stage) -> None:
    async def act() -> None:
        seeder = await stage.seeder()
        ours = stage.rendezvous_id(seeder)
        villain = await stage.villain(seeder, peer_id=ours)
        await villain.hello()
        assert await stage.drops(seeder) == "selfConnection"
        await stage.arrived(await stage.receiver())

    stage.play(act)


def test_the_name_of_a_peer_that_is_here(stage: Stage) -> None:
    """The second is refused, whatever it says in the same breath; the first stays."""

    async def act() -> None:
        seeder = await stage.seeder()
        first = await stage.villain(seeder, "first", peer_id=b"-XX0001-same--------")
        await first.hello(m.HaveNone())
        await first.until(m.HaveAll)
        second = await stage.villain(seeder, "second", peer_id=b"-XX0001-same--------")
        await second.hello(m.HaveNone(), m.Have(1), m.Interested(), m.Request(1, 0, BLOCK))
        assert await stage.drops(seeder, "second") == "duplicate"
        await first.say(m.Interested())
        await first.until(m.Unchoke)
        await stage.arrived(await stage.receiver())

    stage.play(act)


def test_an_offer_of_metadata_that_is_taken_back(stage: Stage) -> None:
    """No rule is broken, and nobody else pays for it."""

    async def act() -> None:
        receiver = await stage.receiver()
        villain = await stage.villain(receiver)
        size = len(stage.info.raw)
        offer = extended(0, {b"m": {b"ut_metadata": 3}, b"metadata_size": size})
        back = extended(0, {b"m": {b"ut_metadata": 0}})
        await villain.hello(offer, extended(1, {b"msg_type": 0, b"piece": 0}), back)
        await villain.until(m.Extended)
        await villain.say(offer)
        await villain.say(back)
        seeder = await stage.seeder()
        await stage.arrived(receiver)
        assert not receiver.of(e.Error)
        assert not seeder.of(e.Error)

    stage.play(act)


def test_names_cannot_steer_a_terminal(stage: Stage) -> None:
    async def act() -> None:
        seeder = await stage.seeder()
        villain = await stage.villain(seeder, peer_id=b"\x1b[2J\x07\x9b\xff1" + b"x" * 12)
        await villain.hello(m.HaveNone())
        await villain.until(m.HaveAll)
        (connected,) = seeder.of(e.PeerConnected)
        assert connected.client.isprintable()

    stage.play(act)
