"""One attempt to reach one peer by WebRTC: from a description to an open channel, or a failure.

What all stacks have in common lives here; transport.py chooses the stack. Descriptions are made
after gathering, complete: WebTorrent trackers do not support trickle ICE. Sending them, and the
peer's identity, never live here.
"""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from typing import Final, Literal

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.base import OPEN_TIMEOUT, Abuse, Attempt
from filesend_tui.core.transports.clues import Clue
from filesend_tui.core.transports.webrtc.obstacles import obstacles
from filesend_tui.core.transports.webrtc.remote_sdp import (
    DEFAULT_MAX_MESSAGE,
    RemoteCandidate,
    RemoteDescription,
    vet,
)
from filesend_tui.core.transports.webrtc.webrtc import WebRtcChannel

#: Timeout in seconds for gathering; both stacks wait five for STUN and TURN servers.
GATHER_TIMEOUT: Final = 8.0

log = logging.getLogger(__name__)


class Unfit(ChannelFailed):
    """A stack cannot connect on this machine; another may."""


class WebRtcAttempt(Attempt):
    """One peer connection in progress. Starts with `begin`; its text is a complete SDP.

    Args:
        config: Its servers.
        unread_limit: See WebRtcChannel.
    """

    def __init__(self, config: ClientConfig, unread_limit: int) -> None:
        self.text = ""
        self._config = config
        self._unread_limit = unread_limit
        self._max_message = DEFAULT_MAX_MESSAGE
        self._remote: RemoteDescription | None = None
        self._opened: asyncio.Future[WebRtcChannel] = asyncio.get_running_loop().create_future()
        self._handed_out = False
        self._names: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def clues(self) -> frozenset[Clue]:
        """See Attempt."""
        if not self._config.ice_servers:
            return frozenset()
        return obstacles(self.text, self._remote)

    async def accept(self, text: str) -> None:
        """Apply the peer's answer; see Attempt. On failure the attempt is closed."""
        async with _ClosedOnError(self):
            await self._apply(vet(text, "answer"))

    async def opened(self, timeout: float = OPEN_TIMEOUT) -> WebRtcChannel:
        """Wait for the channel, which then owns the connection; see Attempt.

        On failure the attempt is closed.
        """
        async with _ClosedOnError(self):
            try:
                channel = await asyncio.wait_for(asyncio.shield(self._opened), timeout)
            except TimeoutError:
                raise ChannelFailed("A peer could not be reached in time.") from None
            self._handed_out = True
            return channel

    async def close(self) -> None:
        """See Attempt."""
        self._abandon("A peer could not be reached.")
        if self._closing is not None:
            await asyncio.shield(self._closing)

    # -- what a stack does

    @classmethod
    @abstractmethod
    async def load(cls) -> None:
        """Import the stack. Raises Unfit if that fails."""

    @abstractmethod
    def _add_data_channel(self) -> None:
        """Make the one data channel of an offer: ordered, reliable, with a random label."""

    @abstractmethod
    async def _gather(self, kind: Literal["offer", "answer"]) -> str:
        """Return our own description, complete."""

    @abstractmethod
    async def _set_remote(self, remote: RemoteDescription) -> None:
        """Apply the peer's description; mDNS candidates are added later."""

    @abstractmethod
    async def _add_name(self, candidate: RemoteCandidate, mid: str) -> None:
        """Resolve a `.local` candidate and add it. Raises OSError if there is no multicast."""

    @abstractmethod
    async def _release(self) -> None:
        """Free a connection whose channel never opened; never raises."""

    # -- what all do

    async def begin(self, offer: RemoteDescription | None) -> None:
        """Make the description: an offer, or the answer to one.

        Raises:
            Unfit: This machine has no address.
            ChannelFailed: It could not be made. The attempt is closed.
        """
        async with _ClosedOnError(self):
            if offer is None:
                self._add_data_channel()
                await self._describe("offer")
            else:
                await self._apply(offer)
                await self._describe("answer")

    async def _describe(self, kind: Literal["offer", "answer"]) -> None:
        async with asyncio.timeout(GATHER_TIMEOUT):
            sdp = await self._gather(kind)
        if "\na=candidate:" not in sdp:
            raise Unfit(
                "This machine has no address that a peer could reach.",
                "Check the network, and the TURN server where one is set.",
            )
        self.text = sdp

    async def _apply(self, remote: RemoteDescription) -> None:
        self._remote = remote
        self._max_message = remote.max_message
        await self._set_remote(remote)
        if any(candidate.is_mdns for candidate in remote.candidates):
            self._names = asyncio.create_task(self._add_names(remote))

    async def _add_names(self, remote: RemoteDescription) -> None:
        """Resolve `.local` candidates in the background: it takes a second and may fail."""
        try:
            for candidate in remote.candidates:
                if candidate.is_mdns:
                    await self._add_name(candidate, remote.mid)
        except OSError:
            log.debug("no multicast here: names of peers on this network are not resolved")

    def _open(self, channel: WebRtcChannel) -> None:
        self._stop_names()
        self._opened.set_result(channel)

    def _cut_off(self, why: str, abuse: Abuse | None = None) -> None:
        if channel := self._channel:
            channel.cut_off(why, abuse)
        else:
            self._abandon(why)

    def _abandon(self, why: str) -> None:
        """End the attempt unless its channel was handed out; a task closes it."""
        self._stop_names()
        if self._closing is not None or self._handed_out:
            return
        if channel := self._channel:
            self._closing = asyncio.create_task(channel.close())
            return
        self._opened.set_exception(ChannelFailed(why))
        self._opened.exception()  # retrieved here, as perhaps nothing awaits it
        self._closing = asyncio.create_task(self._release())

    @property
    def _channel(self) -> WebRtcChannel | None:
        return self._opened.result() if self._opened.done() and not self._closing else None

    def _stop_names(self) -> None:
        if self._names is not None:
            self._names.cancel()


class _ClosedOnError:
    """Closes the attempt when its block fails; turns a stack's exceptions into ChannelFailed."""

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
