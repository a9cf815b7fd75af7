"""Timeouts and intervals of meeting at a tracker, in seconds. Values alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Seconds, all of them.

    lifetime: of an unclaimed nameplate, and of waiting at a place. reply: timeout of the first
    reply in a swarm. claim: how long a claimer waits for the maker. ask: how long whoever comes to
    a place waits for an answer before it waits for others. again: an offer that nobody answered is
    made again. settle: from an answer at a place to the first sign in the room. lost: a word that
    nobody acknowledges ends its room. probe: silence in a room, after which the other is asked for
    a sign. hold: whoever answered lets the other speak first, for so long. parting: timeout of a
    goodbye. min_interval, max_interval: bounds of the announce interval that a tracker asks for.
    """

    lifetime: float = 600.0
    reply: float = 10.0
    claim: float = 8.0
    ask: float = 4.0
    again: float = 3.0
    settle: float = 5.0
    lost: float = 20.0
    probe: float = 30.0
    hold: float = 3.0
    parting: float = 1.5
    min_interval: float = 10.0
    max_interval: float = 600.0


DEFAULT = Timings()
