"""WebRTC as a Transport, by the stack that the settings and the machine allow.

Each stack is in its own package, what they have in common in attempt.py.
"""

from __future__ import annotations

import asyncio

import msgspec

from filesend_tui.core.config import ClientConfig, IceServer, WebRtcStack
from filesend_tui.core.errors import ChannelFailed, FileSendError
from filesend_tui.core.transports.base import (
    RELAY_TIMEOUT,
    RelayAccess,
    RelayEntry,
    Transport,
    no_relay,
)
from filesend_tui.core.transports.webrtc.attempt import Unfit, WebRtcAttempt
from filesend_tui.core.transports.webrtc.ice import no_turn_server
from filesend_tui.core.transports.webrtc.native import library
from filesend_tui.core.transports.webrtc.relay_turn import servers_of
from filesend_tui.core.transports.webrtc.remote_sdp import RemoteDescription, vet
from filesend_tui.core.transports.webrtc.turn import Server, TurnChoice, server_of
from filesend_tui.core.transports.webrtc.webrtc import UNREAD_LIMIT


class WebRtcTransport(Transport):
    """WebRTC data channels; their texts are SDPs, as in WebTorrent.

    Args:
        config: Its servers, and the stack.
        unread_limit: Bytes received and not read at which a peer is cut off.

    Raises:
        ChannelFailed: The settings force a stack that is missing, or that lacks what they ask for.
    """

    name = "webrtc"
    hides_addresses = True
    lanes = True

    def __init__(self, config: ClientConfig, *, unread_limit: int = UNREAD_LIMIT) -> None:
        self._config = config
        self._unread_limit = unread_limit
        if config.relay_only:
            self.hint = "Check that the TURN server works, on both sides."
        else:
            self.hint = "Check that the other side is still there and that no firewall blocks UDP."
        self._turn = TurnChoice()
        self._stack(config)

    async def warm(self) -> None:
        """Import the stack in a worker thread, as it takes a quarter of a second.

        The settings' own TURN servers are tried, too; the relay's are told when it is time.

        Raises:
            ChannelFailed: It cannot be loaded, or no TURN server works where one is needed.
        """
        asks = self._config.relay_stun or self._config.relay_turn
        config = self._config if asks else await self._with_servers(no_relay)
        await self._stack(config).load()

    async def offer(self, relay: RelayAccess) -> WebRtcAttempt:
        """Make an offer for a peer that is not known yet.

        Args:
            relay: May have STUN and TURN servers.

        Raises:
            ChannelFailed: The settings' servers are unusable, or this machine has no address.
        """
        return await self._begin(None, relay)

    async def answer(self, text: str, relay: RelayAccess) -> WebRtcAttempt:
        """Answer a peer's offer.

        Args:
            text: The peer's SDP.
            relay: May have STUN and TURN servers.

        Raises:
            ChannelFailed: The offer was refused, the settings' servers are unusable, or this
                machine has no address.
        """
        return await self._begin(vet(text, "offer"), relay)

    async def _begin(self, offer: RemoteDescription | None, relay: RelayAccess) -> WebRtcAttempt:
        config = await self._with_servers(relay)
        try:
            return await self._begin_with(self._stack(config), config, offer)
        except Unfit:
            self._turn.forget()
            if self._config.webrtc is not WebRtcStack.AUTO:
                raise
        # As on a machine with loopback only, which libdatachannel never offers.
        return await self._begin_with(_aiortc(), await self._with_servers(relay), offer)

    async def _begin_with(
        self, stack: type[WebRtcAttempt], config: ClientConfig, offer: RemoteDescription | None
    ) -> WebRtcAttempt:
        await stack.load()
        attempt = stack(config, self._unread_limit)
        await attempt.begin(offer)
        if any(map(_is_turn, config.ice_servers)) and " typ relay" not in attempt.text:
            self._turn.forget()  # it gave this attempt nothing
        return attempt

    async def _with_servers(self, relay: RelayAccess) -> ClientConfig:
        """Return the settings with the servers to use: one TURN server at most, which works.

        The relay's own are taken where that is preferred and they are there.

        Raises:
            NoWay: A TURN server is needed, and there is none.
            ChannelFailed: One is needed, and none works, or the relay does not say.
        """
        config = self._config
        entry = await self._has(relay)
        servers = config.ice_servers
        if config.relay_stun and entry is not None and entry.stun:
            servers = (IceServer(urls=entry.stun),)
        turn = [each for each in map(server_of, servers) if each is not None]
        if config.relay_turn and entry is not None and not turn:
            turn = await servers_of(entry)
        # What is none at all stays, for the stack to say so.
        asked = {each.ice for each in turn}
        others = tuple(each for each in servers if each not in asked)
        chosen = await self._chosen(turn)
        if config.relay_only and chosen is None and not any(map(_is_turn, others)):
            if config.relay_turn and entry is None:
                raise ChannelFailed(
                    "Only relayed connections are allowed, and the relay names no TURN server now.",
                    "It is asked again once it answers.",
                )
            raise no_turn_server(asked=config.relay_turn)
        more = () if chosen is None else (chosen,)
        return msgspec.structs.replace(config, ice_servers=others + more)

    async def _chosen(self, turn: list[Server]) -> IceServer | None:
        """Return the TURN server that works; None where none does, or there is none.

        Raises:
            ChannelFailed: None works, and nothing does without.
        """
        if self._config.webrtc is WebRtcStack.NATIVE:
            turn = [each for each in turn if each.at.transport == "udp"]
        if not turn:
            return None
        try:
            return await self._turn.choose(turn)
        except ChannelFailed:
            if self._config.relay_only:
                raise
            return None

    async def _has(self, relay: RelayAccess) -> RelayEntry | None:
        """Return what the relay has, if it is wanted and answers in time."""
        if not (self._config.relay_stun or self._config.relay_turn):
            return None
        try:
            async with asyncio.timeout(RELAY_TIMEOUT):
                return await relay()
        except (FileSendError, TimeoutError):
            return None

    def _stack(self, config: ClientConfig) -> type[WebRtcAttempt]:
        """Return the attempts of the stack that these settings choose; raises ChannelFailed."""
        if config.webrtc is not WebRtcStack.AIORTC:
            obstacle = library.obstacle(config)
            if obstacle is None:
                from filesend_tui.core.transports.webrtc.native.attempt import NativeAttempt

                return NativeAttempt
            if config.webrtc is WebRtcStack.NATIVE:
                raise obstacle
        return _aiortc()


def _is_turn(server: IceServer) -> bool:
    return server.urls.startswith("turn")


def _aiortc() -> type[WebRtcAttempt]:
    from filesend_tui.core.transports.webrtc.aiortc.attempt import AiortcAttempt

    return AiortcAttempt
