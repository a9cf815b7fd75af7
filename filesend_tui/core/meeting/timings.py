"""How long things take when peers meet, in seconds; the figures that WebTorrent's peers keep to.

Values alone; whoever waits reads them here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Seconds, all of them.

    offer_lifetime: an offer nobody answered is closed. connect: from an answer to an open channel.
    min_interval, max_interval: bounds of the announce interval that a tracker asks for.
    first_retry, max_retry: a tracker that failed is tried again after the first, doubled each time.
    reply: a tracker must take the first announce within this. repeat: the second announce after a
    reconnect, as the tracker may have forgotten us with the old socket. spacing: between announces
    made because peers are missing, doubled until one is met. farewell: for `stopped` to go out.
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
