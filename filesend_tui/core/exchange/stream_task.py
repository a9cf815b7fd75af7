"""One stream under way: its work in the engine, instead of a torrent's.

Nothing of it is recorded: what was read from a pipe cannot be read again, so a stream ends with
either process.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets

from filesend_tui.core.errors import FileSendError, StreamDamaged
from filesend_tui.core.exchange.transfer_task import TransferTask
from filesend_tui.core.exchange.values import Completed, Started
from filesend_tui.core.meeting.invitation import Reach
from filesend_tui.core.meeting.signaling import SWARM_KEY_LENGTH
from filesend_tui.core.torrent.metainfo.magnet import parse_magnet
from filesend_tui.core.torrent.streams.inflow import StreamTarget
from filesend_tui.core.torrent.streams.into_folder import FolderTarget
from filesend_tui.core.torrent.streams.outflow import StreamSource
from filesend_tui.core.torrent.streams.pipes import PipeTarget


class StreamTask(TransferTask):
    """The exchange of a stream. source: at the sender. pipe: at a receiver who writes it on."""

    source: StreamSource | None = None
    pipe: PipeTarget | None = None

    def start_hashing(self) -> None:
        """Begin once there is a yes: there is nothing to hash before."""
        if self.source is not None:
            super().start_hashing()

    def differs(self, digest: bytes) -> FileSendError | None:
        """Return the error where the receiver wrote something else than was read here."""
        own = self._torrents.stream_digest(self._torrent) if self._torrent is not None else b""
        if own and hmac.compare_digest(own, digest):
            return None
        return StreamDamaged("What the other side has of the stream is not what was sent.")

    async def _seed(self) -> None:
        assert self.source is not None
        invited = await asyncio.shield(self._approved)
        swarm_key = secrets.token_bytes(SWARM_KEY_LENGTH)
        self._torrent = torrent = await self._torrents.serve_stream(
            self.source,
            name=self.exchange.files[0].path,
            trackers=(self._tracker,),
            transfer=self.exchange.id,
            session=self._id,
            swarm_key=swarm_key,
            words=self._session.channels,
            invited=invited,
        )
        await self._hand_out(torrent, self._torrents.magnet(torrent), swarm_key)

    async def _fetch(self, magnet: str, swarm_key: bytes, reach: Reach | None) -> None:
        exchange = self.exchange
        target: StreamTarget
        if self.pipe is not None:
            target = self.pipe
        else:
            assert self.output is not None
            info_hash = parse_magnet(magnet).info_hash
            target = FolderTarget(self.output, exchange.files[0].path, info_hash)
        torrent = self._torrent = await self._torrents.add_stream(
            magnet,
            target=target,
            trackers=(self._tracker,),
            transfer=exchange.id,
            session=self._id,
            swarm_key=swarm_key,
            words=self._session.channels,
            invitation=self._invitation,
            reach=reach,
        )
        self._met()
        self._happen(self, Started())
        await self._report_until_done(torrent)
        self._happen(self, Completed(self._torrents.stream_digest(torrent)))
