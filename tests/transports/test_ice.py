from __future__ import annotations

from types import SimpleNamespace

import pytest

from filesend_tui.core.config import ClientConfig, IceServer
from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.webrtc.ice import (
    RELAYED,
    WEBRTC,
    chosen_path,
    configuration,
    path_of,
)


def candidate(kind: str, host: str = "192.0.2.1", port: int = 5000) -> object:
    from aioice import Candidate

    return Candidate("1", 1, "udp", 1, host, port, kind)


def pair(local: str, remote: str, host: str = "192.0.2.7") -> object:
    from aioice.ice import CandidatePair

    return CandidatePair(
        SimpleNamespace(local_candidate=candidate(local)),  # type: ignore[arg-type]
        candidate(remote, host),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("local", "remote", "road"),
    [
        ("host", "host", WEBRTC),
        ("host", "prflx", WEBRTC),
        ("srflx", "srflx", WEBRTC),
        ("relay", "host", RELAYED),
        ("host", "relay", RELAYED),
        ("relay", "relay", RELAYED),
    ],
)
def test_a_turn_server_at_either_end_makes_the_road_relayed(
    local: str, remote: str, road: str
) -> None:
    assert path_of(pair(local, remote)) == (road, "192.0.2.7:5000")


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert path_of(pair("host", "host", "2001:db8::7")) == (WEBRTC, "[2001:db8::7]:5000")


def test_without_a_pair_there_is_no_path() -> None:
    assert path_of(None) is None
    assert chosen_path(SimpleNamespace(sctp=None)) is None  # type: ignore[arg-type]


def test_another_inner_layout_of_aioice_costs_the_path_and_nothing_else() -> None:
    ice = SimpleNamespace()
    strange = SimpleNamespace(sctp=SimpleNamespace(transport=SimpleNamespace(transport=ice)))
    assert chosen_path(strange) is None  # type: ignore[arg-type]


def test_no_server_in_the_settings_means_no_server_at_all() -> None:
    assert configuration(ClientConfig()).iceServers == []


def test_the_settings_servers_are_used_and_no_others() -> None:
    import aiortc

    config = ClientConfig(
        ice_servers=(
            IceServer(urls="stun:stun.example:3478"),
            IceServer(urls="turn:turn.example:3478?transport=tcp", username="u", credential="c"),
        ),
        relay_only=True,
    )
    made = configuration(config)
    assert made.iceServers is not None
    assert [(s.urls, s.username, s.credential) for s in made.iceServers] == [
        ("stun:stun.example:3478", None, None),
        ("turn:turn.example:3478?transport=tcp", "u", "c"),
    ]
    assert made.iceTransportPolicy is aiortc.RTCIceTransportPolicy.RELAY


@pytest.mark.parametrize("url", ["http://x", "stun", "turn:", "stun:h:1?transport=udp", ""])
def test_a_server_that_is_none_is_named(url: str) -> None:
    with pytest.raises(ChannelFailed, match="STUN or TURN"):
        configuration(ClientConfig(ice_servers=(IceServer(urls=url),)))


def test_relay_only_without_a_turn_server_says_what_is_missing() -> None:
    config = ClientConfig(ice_servers=(IceServer(urls="stun:s:1"),), relay_only=True)
    with pytest.raises(ChannelFailed, match="TURN"):
        configuration(config)
