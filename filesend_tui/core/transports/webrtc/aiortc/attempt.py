"""An attempt to reach a peer with aiortc."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Literal

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.transports.base import Abuse
from filesend_tui.core.transports.webrtc.aiortc.channel import AiortcChannel, close_connection
from filesend_tui.core.transports.webrtc.attempt import WebRtcAttempt
from filesend_tui.core.transports.webrtc.ice import configuration
from filesend_tui.core.transports.webrtc.remote_sdp import RemoteCandidate, RemoteDescription

if TYPE_CHECKING:
    from aiortc import RTCDataChannel

_loaded = False


def _load() -> None:
    global _loaded  # noqa: PLW0603 - says what the process has imported
    import aiortc

    from filesend_tui.core.transports.webrtc.host_candidates import offer_loopback_when_alone

    # The first certificate initialises the crypto library, some 10 ms (80 from a cold disk).
    aiortc.RTCCertificate.generateCertificate()
    if not _loaded:
        _loaded = True
        offer_loopback_when_alone()


class AiortcAttempt(WebRtcAttempt):
    """A WebRtcAttempt over aiortc."""

    def __init__(self, config: ClientConfig, unread_limit: int) -> None:
        import aiortc

        super().__init__(config, unread_limit)
        self._connection = aiortc.RTCPeerConnection(configuration(config))
        self._data_channel: RTCDataChannel | None = None
        self._connection.on("datachannel", self._on_data_channel)
        self._connection.on("connectionstatechange", self._on_state)

    @classmethod
    async def load(cls) -> None:
        """See WebRtcAttempt."""
        if not _loaded:
            await asyncio.to_thread(_load)

    def _add_data_channel(self) -> None:
        data_channel = self._connection.createDataChannel(secrets.token_hex(20))
        self._data_channel = data_channel
        data_channel.on("open", lambda: self._adopt(data_channel))

    async def _gather(self, kind: Literal["offer", "answer"]) -> str:
        await self._connection.setLocalDescription()
        local = self._connection.localDescription
        assert local.type == kind
        return str(local.sdp)

    async def _set_remote(self, remote: RemoteDescription) -> None:
        import aiortc

        await self._connection.setRemoteDescription(
            aiortc.RTCSessionDescription(sdp=remote.sdp, type=remote.kind)
        )

    async def _add_name(self, candidate: RemoteCandidate, mid: str) -> None:
        import aiortc

        await self._connection.addIceCandidate(
            aiortc.RTCIceCandidate(
                component=1,
                foundation=candidate.foundation,
                ip=candidate.host,
                port=candidate.port,
                priority=candidate.priority,
                protocol="udp",
                type=candidate.type,
                sdpMid=mid,
            )
        )

    async def _release(self) -> None:
        await close_connection(self._connection)

    def _on_data_channel(self, data_channel: RTCDataChannel) -> None:
        if self._data_channel is not None:
            # Nothing would read it: unbounded memory.
            self._cut_off("A peer opened more than one channel.", Abuse.SECOND_CHANNEL)
        elif not data_channel.ordered or (
            data_channel.maxRetransmits is not None or data_channel.maxPacketLifeTime is not None
        ):
            self._cut_off("A peer opened a channel that is no byte stream.")
        else:
            self._data_channel = data_channel
            self._adopt(data_channel)

    def _adopt(self, data_channel: RTCDataChannel) -> None:
        if self._opened.done():
            return
        # At once: the next event may be this channel's first message.
        self._open(
            AiortcChannel(
                self._connection,
                data_channel,
                max_message=self._max_message,
                unread_limit=self._unread_limit,
            )
        )

    def _on_state(self) -> None:
        if self._connection.connectionState in {"failed", "closed"}:
            self._abandon("A peer could not be reached.")
