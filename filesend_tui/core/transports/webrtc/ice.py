"""The settings of ICE: its servers, and the road of the chosen path.

The only module that uses aioice's private names; each is read with a fallback, none is changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.base import NoWay
from filesend_tui.core.util.figures import address_text

if TYPE_CHECKING:
    from aiortc import RTCConfiguration, RTCPeerConnection

#: The roads of a channel: between the two machines, or through a TURN server.
WEBRTC: Final = "webrtc"
RELAYED: Final = "relayed"


def configuration(config: ClientConfig) -> RTCConfiguration:
    """Return the WebRTC configuration: the servers of the settings and never any other.

    Raises:
        ChannelFailed: A server's URL is invalid (RFC 7064, RFC 7065).
        NoWay: relay_only is set without a TURN server.
    """
    import aiortc
    from aiortc.rtcicetransport import parse_stun_turn_uri

    for server in config.ice_servers:
        try:
            parse_stun_turn_uri(server.urls)
        except ValueError:
            raise not_a_server(server.urls) from None
    if config.relay_only and not any(s.urls.startswith("turn") for s in config.ice_servers):
        raise no_turn_server()
    policy = aiortc.RTCIceTransportPolicy
    return aiortc.RTCConfiguration(
        # An explicit list, even if empty: with None aiortc asks a STUN server of its own choice.
        iceServers=[
            aiortc.RTCIceServer(urls=s.urls, username=s.username, credential=s.credential)
            for s in config.ice_servers
        ],
        iceTransportPolicy=policy.RELAY if config.relay_only else policy.ALL,
    )


def no_turn_server(*, asked: bool = False) -> NoWay:
    """Return the error for relay_only without a TURN server. asked: the relay has none either."""
    return NoWay(
        "Only relayed connections are allowed, and no TURN server is set"
        f"{', nor does the relay name one' if asked else ''}.",
        "Add a TURN server to the settings, or allow direct connections.",
    )


def not_a_server(url: str) -> ChannelFailed:
    """Return the error for a URL that is not a STUN or TURN server's."""
    return ChannelFailed(
        f"{url} is not the address of a STUN or TURN server.",
        "Write it like stun:host:3478 or turn:host:3478?transport=udp.",
    )


def chosen_path(connection: RTCPeerConnection) -> tuple[str, str] | None:
    """Return the road and the peer's address of the nominated pair (RFC 8445), None without one."""
    if connection.sctp is None:
        return None
    # aiortc has no getSelectedCandidatePair; aioice has the pair in a private attribute.
    agent = getattr(connection.sctp.transport.transport, "_connection", None)
    return path_of(getattr(agent, "_nominated", {}).get(1))


def path_of(pair: Any) -> tuple[str, str] | None:
    """Return the road and the peer's address of one aioice candidate pair.

    Relayed when either end's candidate is a TURN server's.
    """
    if pair is None:
        return None
    kinds = {pair.local_candidate.type, pair.remote_candidate.type}
    host, port = pair.remote_addr
    return (RELAYED if "relay" in kinds else WEBRTC), address_text(host, port)
