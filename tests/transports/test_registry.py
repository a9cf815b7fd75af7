"""Which transports a client uses, by its settings."""

from __future__ import annotations

import pytest

from filesend_tui.core.config import ClientConfig, IceServer, RoadChoice, WebRtcStack
from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports import registry
from filesend_tui.core.transports.base import RelayEntry, Transport, no_relay
from filesend_tui.core.transports.clues import Clue
from filesend_tui.core.transports.registry import KINDS, OPEN, Transports
from filesend_tui.core.transports.webrtc.native import library
from tests.transports.pipe import PipeTransport
from tests.transports.relays import ScriptedRelay

A, D, W, R = RoadChoice.AUTO, RoadChoice.DIRECT, RoadChoice.WEBRTC, RoadChoice.RELAYED
TURN = IceServer(urls="turn:192.0.2.1:3478", username="ann", credential="x")
WITH_PIPE = {"pipe": PipeTransport, **KINDS}


def names(transports: Transports, *, private: bool) -> list[str]:
    return [each.name for each in transports.by(no_relay).usable(private=private)]


@pytest.mark.parametrize(
    ("config", "private"),
    [
        (ClientConfig(), ["direct", "webrtc", "relayed"]),
        (ClientConfig(road=A), ["direct", "webrtc", "relayed"]),
        (ClientConfig(road=D), ["direct"]),
        (ClientConfig(road=W), ["webrtc"]),
        (ClientConfig(road=R), ["relayed"]),
        # Whoever hides behind a server tells nobody where this machine is.
        (ClientConfig(relay_only=True, ice_servers=(TURN,)), ["webrtc", "relayed"]),
        (ClientConfig(relay_only=True, ice_servers=(TURN,), road=D), ["webrtc"]),
        (ClientConfig(relay_only=True, ice_servers=(TURN,), road=R), ["relayed"]),
    ],
)
def test_the_settings_say_which_are_used_with_a_partner(
    config: ClientConfig, private: list[str]
) -> None:
    transports = Transports(config)
    assert names(transports, private=True) == private
    assert names(transports, private=False) == [OPEN], "with strangers it is always the same"


def test_each_is_registered_by_the_name_that_it_has_and_can_be_forced_by_it() -> None:
    for name, make in KINDS.items():
        assert make(ClientConfig()).name == name
    assert {*RoadChoice} == {RoadChoice.AUTO, *KINDS}
    assert OPEN in KINDS


def test_one_that_says_nothing_of_it_is_not_trusted_to_hide_addresses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "KINDS", WITH_PIPE)
    assert names(Transports(ClientConfig()), private=True) == [
        "pipe",
        "direct",
        "webrtc",
        "relayed",
    ]
    hiding = ClientConfig(relay_only=True, ice_servers=(TURN,))
    assert names(Transports(hiding), private=True) == ["webrtc", "relayed"]


def test_what_is_forced_and_not_to_be_had_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "installed", lambda: False)
    with pytest.raises(ChannelFailed, match="not installed"):
        Transports(ClientConfig(road=D, webrtc=WebRtcStack.NATIVE))


async def test_a_relay_behind_a_proxy_is_the_only_road_to_those_who_are_met_there() -> None:
    """To them alone, and for as long as it is so."""

    async def ask() -> RelayEntry:
        raise AssertionError

    transports = Transports(ClientConfig())
    relay = ScriptedRelay(ask)
    roads, others = transports.by(relay), transports.by(no_relay)
    everything = roads.usable(private=True)
    assert not roads.left_out
    relay.proxied = True
    assert [each.name for each in roads.usable(private=True)] == ["relayed"]
    assert roads.left_out == {"direct": Clue.PROXY_HERE, "webrtc": Clue.PROXY_HERE}
    assert others.usable(private=True) == everything
    assert not others.left_out
    relay.proxied = False
    assert roads.usable(private=True) == everything
    await transports.close()


class Broken(PipeTransport):
    """One that is not ready, and ends badly enough to be a fault of the program."""

    error: Exception = ChannelFailed("there is no port")

    async def warm(self) -> None:
        raise self.error


async def test_what_is_not_ready_keeps_nothing_else_from_being_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "KINDS", {"broken": Broken, "pipe": PipeTransport})
    transports = Transports(ClientConfig())
    await transports.by(no_relay).warm(private=True)
    _, pipe = transports.by(no_relay).usable(private=True)
    assert isinstance(pipe, PipeTransport)
    assert pipe.warmed
    monkeypatch.setattr(Broken, "error", KeyError("a fault"))
    with pytest.raises(KeyError):
        await transports.by(no_relay).warm(private=True)
    await transports.close()
    assert pipe.closed


def test_lanes_are_what_a_transport_says_of_itself() -> None:
    made: dict[str, Transport] = {name: make(ClientConfig()) for name, make in KINDS.items()}
    assert {name for name, each in made.items() if each.lanes} == {"webrtc"}
