from __future__ import annotations

from filesend_tui.core.meeting.signals import PlainSignals, Signals


def test_an_open_swarm_is_known_by_its_infohash_and_hides_nothing() -> None:
    signals: Signals = PlainSignals(b"h" * 20)
    description = {"type": "offer", "sdp": "v=0"}
    assert signals.rendezvous == b"h" * 20
    assert signals.seal(description) == description
    assert signals.open(description) == description
