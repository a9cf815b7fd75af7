"""An attempt to reach a peer with libdatachannel."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Literal

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.transports.base import Abuse
from filesend_tui.core.transports.webrtc.attempt import Unfit, WebRtcAttempt
from filesend_tui.core.transports.webrtc.native.channel import (
    CLOSED,
    FAILED,
    NativeChannel,
    NativeConnection,
)
from filesend_tui.core.transports.webrtc.native.library import ice_urls, is_byte_stream, library
from filesend_tui.core.transports.webrtc.remote_sdp import RemoteCandidate, RemoteDescription

if TYPE_CHECKING:
    from aiolibdatachannel._core import DataChannel


class NativeAttempt(WebRtcAttempt):
    """A WebRtcAttempt over libdatachannel."""

    def __init__(self, config: ClientConfig, unread_limit: int) -> None:
        super().__init__(config, unread_limit)
        self._connection = NativeConnection(ice_urls(config), self._on_state)
        self._data_channel: DataChannel | None = None
        self._connection.native.set_on_data_channel(
            lambda handle: self._connection.call(self._on_data_channel, handle)
        )

    @classmethod
    async def load(cls) -> None:
        """See WebRtcAttempt."""
        try:
            await asyncio.to_thread(library)
        except (ImportError, OSError, AttributeError) as error:
            raise Unfit(f"The native WebRTC stack cannot be loaded: {error}") from None

    def _add_data_channel(self) -> None:
        connection = self._connection
        handle = connection.native.create_data_channel(secrets.token_hex(20))
        data_channel = self._data_channel = connection.wrap(handle)
        data_channel.set_on_open(lambda: connection.call(self._adopt, data_channel))

    async def _gather(self, kind: Literal["offer", "answer"]) -> str:
        return await self._connection.describe(kind)

    async def _set_remote(self, remote: RemoteDescription) -> None:
        self._connection.native.set_remote_description(remote.sdp, remote.kind)

    async def _add_name(self, candidate: RemoteCandidate, mid: str) -> None:
        from aioice import mdns

        resolver = await mdns.create_mdns_protocol()
        try:
            address = await resolver.resolve(candidate.host)
        finally:
            await resolver.close()
        if address:
            line = (
                f"candidate:{candidate.foundation} 1 udp {candidate.priority}"
                f" {address} {candidate.port} typ {candidate.type}"
            )
            self._connection.native.add_remote_candidate(line, mid)

    async def _release(self) -> None:
        await self._connection.close(flush=False)

    def _on_data_channel(self, handle: int) -> None:
        data_channel = self._connection.wrap(handle)
        if self._data_channel is not None:
            # Nothing would read it: unbounded memory.
            self._cut_off("A peer opened more than one channel.", Abuse.SECOND_CHANNEL)
        elif not is_byte_stream(handle):
            self._cut_off("A peer opened a channel that is no byte stream.")
        else:
            self._data_channel = data_channel
            self._adopt(data_channel)

    def _adopt(self, data_channel: DataChannel) -> None:
        if not self._opened.done():
            self._open(
                NativeChannel(
                    self._connection,
                    data_channel,
                    max_message=self._max_message,
                    unread_limit=self._unread_limit,
                )
            )

    def _on_state(self, state: int) -> None:
        if state not in {FAILED, CLOSED}:
            return
        if state == FAILED and self._opened.done() and not self._opened.exception():
            self._opened.result().cut_off("The connection to a peer was lost.")
        self._abandon("A peer could not be reached.")
