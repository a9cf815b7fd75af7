"""A scripted peer that says anything, in any order, to anybody.

It decodes what it hears and answers by a table of its own; nothing keeps it from breaking rules.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.extensions import (
    METADATA_PIECE,
    UT_METADATA_ID,
    ExtendedHandshake,
    MetadataData,
    MetadataRequest,
    decode_metadata,
    encode_handshake,
    encode_metadata,
)
from filesend_tui.core.wire.framing import Inbox
from filesend_tui.core.wire.handshake import OUR_RESERVED, Handshake
from tests.torrent.lab import MemoryChannel

#: Under which extended message id it wants ut_metadata.
ITS_METADATA_ID = 3
#: What a peer can do that speaks BEP 10 but not BEP 6.
NO_FAST = bytes.fromhex("0000000000100000")

Answer = Callable[[Any], Iterable[m.Message]]


class Villain:
    """One connection of it.

    on: what it answers to each kind of message. heard: all that it was told. gone: the other side
    closed the connection.
    """

    def __init__(
        self,
        channel: MemoryChannel,
        info: TorrentInfo,
        peer_id: bytes,
        *,
        reserved: bytes = OUR_RESERVED,
        reads: bool = True,
    ) -> None:
        self.channel = channel
        self.info = info
        self.peer_id = peer_id
        self.reserved = reserved
        self.on: dict[type[m.Message], Answer] = {}
        self.heard: list[m.Message] = []
        self.gone = asyncio.Event()
        self._news = asyncio.Event()
        self._reader = asyncio.create_task(self._read()) if reads else None

    async def raw(self, data: bytes) -> None:
        """Send bytes; nothing happens once the other side closed."""
        if data:  # to a lab channel, nothing at all is the end
            with suppress(ChannelFailed):
                await self.channel.send(data)

    async def say(self, *messages: m.Message) -> None:
        await self.raw(b"".join(map(m.encode, messages)))

    @property
    def handshake(self) -> bytes:
        return Handshake(self.info.info_hash, self.peer_id, self.reserved).encode()

    async def hello(self, *messages: m.Message) -> None:
        """Send the handshake and messages, in one go."""
        await self.raw(self.handshake + b"".join(map(m.encode, messages)))

    async def until(self, kind: type[m.Message]) -> None:
        """Wait until it has heard such a message."""
        async with asyncio.timeout(300):
            while not any(isinstance(message, kind) for message in self.heard):
                self._news.clear()
                await self._news.wait()

    def says_it_describes(self, size: int | None = None) -> m.Extended:
        """Return an extended handshake that offers the description."""
        said = ExtendedHandshake(
            ut_metadata=ITS_METADATA_ID, metadata_size=size or len(self.info.raw)
        )
        return m.Extended(0, encode_handshake(said))

    def describe(self, raw: bytes | None = None) -> None:
        """Serve the description, or what it gives out for it, from now on."""
        whole = self.info.raw if raw is None else raw

        def answer(message: m.Extended) -> Iterable[m.Message]:
            if message.ext_id == ITS_METADATA_ID:
                said = decode_metadata(message.payload, None)
                assert isinstance(said, MetadataRequest)
                start = said.piece * METADATA_PIECE
                data = MetadataData(said.piece, len(whole), whole[start : start + METADATA_PIECE])
                yield m.Extended(UT_METADATA_ID, encode_metadata(data))

        self.on[m.Extended] = answer

    async def seem_good(self) -> None:
        """Shake hands, serve the description, claim to have everything and unchoke."""
        self.describe()
        have = m.Bitfield(self.all_pieces) if self.reserved == NO_FAST else m.HaveAll()
        await self.hello(have, self.says_it_describes(), m.Unchoke())

    @property
    def all_pieces(self) -> bytes:
        count = self.info.shape.piece_count
        return (((1 << count) - 1) << (-count % 8)).to_bytes(-(-count // 8), "big")

    async def keep_alive(self, every: float = 30.0) -> None:
        """Never fall silent."""
        while not self.gone.is_set():
            await self.say(m.KeepAlive())
            await asyncio.sleep(every)

    async def close(self) -> None:
        if self._reader:
            self._reader.cancel()
        await self.channel.close()

    async def _read(self) -> None:
        inbox = Inbox()
        shaken = False
        while data := await self.channel.receive():
            inbox.feed(data)
            if not shaken:
                shaken = inbox.handshake() is not None
            if shaken:
                for message in list(inbox.messages()):
                    self.heard.append(message)
                    if answer := self.on.get(type(message)):
                        await self.say(*answer(message))
            self._news.set()
        self.gone.set()
