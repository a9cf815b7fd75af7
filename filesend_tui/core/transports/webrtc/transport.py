"""WebRTC as a Transport, by the stack that the settings and the machine allow.

Each stack is in its own package, what they have in common in attempt.py.
"""

from __future__ import annotations

import asyncio

import msgspec

from filesend_tui.core.config import ClientConfig, IceServer, WebRtcStack
from filesend_tui.core.errors import FileSendError
from filesend_tui.core.transports.base import RELAY_TIMEOUT, RelayAccess, Transport, no_relay
from filesend_tui.core.transports.webrtc.attempt import Unfit, WebRtcAttempt
from filesend_tui.core.transports.webrtc.native import library
from filesend_tui.core.transports.webrtc.remote_sdp import RemoteDescription, vet
from filesend_tui.core.transports.webrtc.webrtc import UNREAD_LIMIT


class WebRtcTransport(Transport):
    """WebRTC data channels; their texts are SDPs, as in WebTorrent.

    Args:
        config: Its servers, and the stack.
        relay: May have a STUN server.
        unread_limit: Bytes received and not read at which a peer is cut off.

    Raises:
        ChannelFailed: The settings force a stack that is missing, or that lacks what they ask for.
    """

    name = "webrtc"
    hides_addresses = True
    lanes = True

    def __init__(
        self,
        config: ClientConfig,
        relay: RelayAccess = no_relay,
        *,
        unread_limit: int = UNREAD_LIMIT,
    ) -> None:
        self._config = config
        self._relay = relay
        self._unread_limit = unread_limit
        if config.relay_only:
            self.hint = "Check that the TURN server works, on both sides."
        else:
            self.hint = "Check that the other side is still there and that no firewall blocks UDP."
        self._stack()

    async def warm(self) -> None:
        """Import the stack in a worker thread, as it takes a quarter of a second.

        Raises:
            ChannelFailed: It cannot be loaded.
        """
        await self._stack().load()

    async def offer(self) -> WebRtcAttempt:
        """Make an offer for a peer that is not known yet.

        Raises:
            ChannelFailed: The settings' servers are unusable, or this machine has no address.
        """
        return await self._begin(None)

    async def answer(self, text: str) -> WebRtcAttempt:
        """Answer a peer's offer.

        Raises:
            ChannelFailed: The offer was refused, the settings' servers are unusable, or this
                machine has no address.
        """
        return await self._begin(vet(text, "offer"))

    async def _begin(self, offer: RemoteDescription | None) -> WebRtcAttempt:
        try:
            return await self._begin_with(self._stack(), offer)
        except Unfit:
            if self._config.webrtc is not WebRtcStack.AUTO:
                raise
        # As on a machine with loopback only, which libdatachannel never offers.
        return await self._begin_with(_aiortc(), offer)

    async def _begin_with(
        self, stack: type[WebRtcAttempt], offer: RemoteDescription | None
    ) -> WebRtcAttempt:
        await stack.load()
        attempt = stack(await self._with_servers(), self._unread_limit)
        await attempt.begin(offer)
        return attempt

    async def _with_servers(self) -> ClientConfig:
        """Return the settings, with the relay's own STUN where that is preferred and there."""
        if not self._config.relay_stun:
            return self._config
        try:
            async with asyncio.timeout(RELAY_TIMEOUT):
                stun = (await self._relay()).stun
        except (FileSendError, TimeoutError):
            stun = ""
        if not stun:
            return self._config
        return msgspec.structs.replace(self._config, ice_servers=(IceServer(urls=stun),))

    def _stack(self) -> type[WebRtcAttempt]:
        """Return the attempts of the stack that the settings choose; raises ChannelFailed."""
        if self._config.webrtc is not WebRtcStack.AIORTC:
            obstacle = library.obstacle(self._config)
            if obstacle is None:
                from filesend_tui.core.transports.webrtc.native.attempt import NativeAttempt

                return NativeAttempt
            if self._config.webrtc is WebRtcStack.NATIVE:
                raise obstacle
        return _aiortc()


def _aiortc() -> type[WebRtcAttempt]:
    from filesend_tui.core.transports.webrtc.aiortc.attempt import AiortcAttempt

    return AiortcAttempt
