"""Timeouts and intervals of meeting peers, in seconds; WebTorrent's peers use the same figures.

Values alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Seconds, all of them.

    offer_lifetime: until an unanswered offer is closed. connect: from an answer to an open channel.
    min_interval, max_interval: bounds of the announce interval that a tracker asks for.
    first_retry, max_retry: backoff for a tracker that failed: the first, doubled up to the most.
    reply: timeout for the reply to the first announce. repeat: the second announce after a
    reconnect, as the tracker may have dropped us with the old socket. spacing: between announces
    made because peers are missing, doubled until one is met. farewell: timeout for `stopped`.
    """

    offer_lifetime: float = 50.0
    connect: float = 25.0
    min_interval: float = 10.0
    max_interval: float = 600.0
    first_retry: float = 1.0
    max_retry: float = 60.0
    reply: float = 15.0
    repeat: float = 15.0
    spacing: float = 5.0
    farewell: float = 1.0


DEFAULT = Timings()
