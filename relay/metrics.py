"""The relay's metrics, in Prometheus form: quantities, never people or contents.

Each app has its own registry, so that two relays in one process do not share figures.
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST


class Metrics:
    """Counters, and gauges that read their value from a function."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.routed = self._counter("routed_words", "Words handed on to a partner.", "word")
        self.refused = self._counter("refused_words", "Words refused.", "code")
        self.offers = self._counter("tracker_offers", "Offers relayed to another peer.")
        self.pipes = self._counter("transit_pipes", "Pipes opened between two people.")
        self.transit_bytes = self._counter("transit_bytes", "Bytes that pipes carried.")
        self.stun = self._counter("stun_answers", "STUN requests answered.")
        self.turn = self._counter("turn_credentials", "TURN credentials given.")
        self.rejected = self._counter("rejected_frames", "Frames that could not be used.", "kind")

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Add a gauge whose value `read` returns at each scrape."""
        gauge = Gauge(name, text, namespace="filesend_relay", registry=self._registry)
        gauge.set_function(read)

    def render(self) -> bytes:
        """Return all figures in Prometheus' text format."""
        return generate_latest(self._registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, namespace="filesend_relay", registry=self._registry)
