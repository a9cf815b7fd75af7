"""One attempt to reach one peer by WebRTC: from a description to an open channel, or to nothing.

Descriptions go out whole, when gathering has ended: WebTorrent trackers carry no trickle. How
they travel, and who the peer is, is not known here.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Self

from filesend_tui.core.channels.base import Abuse
from filesend_tui.core.channels.ice import configuration
from filesend_tui.core.channels.remote_sdp import DEFAULT_MAX_MESSAGE, RemoteDescription, vet
from filesend_tui.core.channels.webrtc import UNREAD_LIMIT, WebRtcChannel, close_connection
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import ChannelFailed

if TYPE_CHECKING:
    from aiortc import RTCDataChannel

#: Seconds that a connection has from both descriptions to an open channel.
OPEN_TIMEOUT: Final = 25.0
#: Seconds for gathering; aioice itself gives STUN and TURN servers five.
GATHER_TIMEOUT: Final = 8.0

log = logging.getLogger(__name__)
_loaded = False


async def prepare() -> None:
    """Load the WebRTC stack in a worker thread, where its quarter of a second blocks nobody."""
    if not _loaded:
        await asyncio.to_thread(_load)


def _load() -> None:
    global _loaded  # noqa: PLW0603 - says what the process has imported
    import aiortc

    from filesend_tui.core.channels.host_candidates import offer_loopback_when_alone

    # The first certificate initialises the crypto library, some 10 ms (80 from a cold disk).
    aiortc.RTCCertificate.generateCertificate()
    if not _loaded:
        _loaded = True
        offer_loopback_when_alone()


class WebRtcAttempt:
    """One peer connection on its way. Made by `offer` or `answer`; ends with `opened` or `close`.

    Attributes:
        description: What the peer must be told: `{"type": "offer" | "answer", "sdp": text}`.
    """

    def __init__(self, config: ClientConfig, unread_limit: int) -> None:
        import aiortc

        self.description: dict[str, str] = {}
        self._unread_limit = unread_limit
        self._max_message = DEFAULT_MAX_MESSAGE
        self._connection = aiortc.RTCPeerConnection(configuration(config))
        self._opened: asyncio.Future[WebRtcChannel] = asyncio.get_running_loop().create_future()
        self._data_channel: RTCDataChannel | None = None
        self._handed_out = False
        self._names: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._connection.on("datachannel", self._on_data_channel)
        self._connection.on("connectionstatechange", self._on_state)

    @classmethod
    async def offer(cls, config: ClientConfig, *, unread_limit: int = UNREAD_LIMIT) -> Self:
        """Make an offer for a peer that is not known yet.

        Raises:
            ChannelFailed: The settings' servers are unusable, or this machine has no address.
        """
        await prepare()
        attempt = cls(config, unread_limit)
        async with _ClosedOnError(attempt):
            data_channel = attempt._connection.createDataChannel(secrets.token_hex(20))
            attempt._data_channel = data_channel
            data_channel.on("open", lambda: attempt._adopt(data_channel))
            await attempt._describe()
        return attempt

    @classmethod
    async def answer(
        cls,
        offer: Mapping[str, object],
        config: ClientConfig,
        *,
        unread_limit: int = UNREAD_LIMIT,
    ) -> Self:
        """Answer a peer's offer `{"type", "sdp"}`.

        Raises:
            ChannelFailed: The offer was refused, the settings' servers are unusable, or this
                machine has no address.
        """
        remote = vet(offer, "offer")
        await prepare()
        attempt = cls(config, unread_limit)
        async with _ClosedOnError(attempt):
            await attempt._apply(remote)
            await attempt._describe()
        return attempt

    async def accept(self, answer: Mapping[str, object]) -> None:
        """Take the peer's answer to our offer; `opened` tells how it went.

        Raises:
            ChannelFailed: The answer was refused; the attempt is closed.
        """
        async with _ClosedOnError(self):
            await self._apply(vet(answer, "answer"))

    async def opened(self, timeout: float = OPEN_TIMEOUT) -> WebRtcChannel:
        """Wait for the channel; from then on it owns the connection.

        Raises:
            ChannelFailed: The peer could not be reached; the attempt is closed.
        """
        async with _ClosedOnError(self):
            try:
                channel = await asyncio.wait_for(asyncio.shield(self._opened), timeout)
            except TimeoutError:
                raise ChannelFailed("A peer could not be reached in time.") from None
            self._handed_out = True
            return channel

    async def close(self) -> None:
        """Give it up and free everything; an open channel that was handed out stays open."""
        self._abandon("A peer could not be reached.")
        if self._closing is not None:
            await asyncio.shield(self._closing)

    async def _describe(self) -> None:
        async with asyncio.timeout(GATHER_TIMEOUT):
            await self._connection.setLocalDescription()
        local = self._connection.localDescription
        if "\na=candidate:" not in local.sdp:
            raise ChannelFailed(
                "This machine has no address that a peer could reach.",
                "Check the network, and the TURN server where one is set.",
            )
        self.description = {"type": local.type, "sdp": local.sdp}

    async def _apply(self, remote: RemoteDescription) -> None:
        import aiortc

        self._max_message = remote.max_message
        await self._connection.setRemoteDescription(
            aiortc.RTCSessionDescription(sdp=remote.sdp, type=remote.kind)
        )
        if any(candidate.is_mdns for candidate in remote.candidates):
            self._names = asyncio.create_task(self._add_names(remote))

    async def _add_names(self, remote: RemoteDescription) -> None:
        """Resolve `.local` candidates on the side: it takes a second and may not work at all."""
        import aiortc

        try:
            for candidate in remote.candidates:
                if candidate.is_mdns:
                    await self._connection.addIceCandidate(
                        aiortc.RTCIceCandidate(
                            component=1,
                            foundation=candidate.foundation,
                            ip=candidate.host,
                            port=candidate.port,
                            priority=candidate.priority,
                            protocol="udp",
                            type=candidate.type,
                            sdpMid=remote.mid,
                        )
                    )
        except OSError:
            log.debug("no multicast here: names of peers on this network are not resolved")

    def _on_data_channel(self, data_channel: RTCDataChannel) -> None:
        if self._data_channel is not None:
            # Memory that nobody reads.
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
        channel = WebRtcChannel(
            self._connection,
            data_channel,
            max_message=self._max_message,
            unread_limit=self._unread_limit,
        )
        self._stop_names()
        self._opened.set_result(channel)

    def _on_state(self) -> None:
        if self._connection.connectionState in {"failed", "closed"}:
            self._abandon("A peer could not be reached.")

    def _cut_off(self, why: str, abuse: Abuse | None = None) -> None:
        if channel := self._channel:
            channel.cut_off(why, abuse)
        else:
            self._abandon(why)

    def _abandon(self, why: str) -> None:
        """End it unless its channel was handed out; closing goes on in a task."""
        self._stop_names()
        if self._closing is not None or self._handed_out:
            return
        if channel := self._channel:
            self._closing = asyncio.create_task(channel.close())
            return
        self._opened.set_exception(ChannelFailed(why))
        self._opened.exception()  # read here, as perhaps nobody waits for it
        self._closing = asyncio.create_task(close_connection(self._connection))

    @property
    def _channel(self) -> WebRtcChannel | None:
        return self._opened.result() if self._opened.done() and not self._closing else None

    def _stop_names(self) -> None:
        if self._names is not None:
            self._names.cancel()


class _ClosedOnError:
    """Closes the attempt when its block fails, and turns what aiortc raises into ChannelFailed."""

    def __init__(self, attempt: WebRtcAttempt) -> None:
        self._attempt = attempt

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None:
            return
        await self._attempt.close()
        if isinstance(error, Exception) and not isinstance(error, ChannelFailed):
            raise ChannelFailed("A peer could not be reached.") from error
