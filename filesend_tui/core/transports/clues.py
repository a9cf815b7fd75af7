"""What is known of a road that was not taken: facts, as stable words.

Transports state them, sentences are made of them in meeting/road_reasons.py. None is a peer's text.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.util.text import clean

#: Longest text of an error that is kept, in characters.
MAX_SAID: Final = 160


class Clue(StrEnum):
    """One fact about one road. `here` is this machine, `there` the other one."""

    #: The settings leave it out.
    LEFT_OUT_HERE = "leftOutHere"
    #: `relay_only` is set, and it would show an address of this machine.
    SHOWS_ADDRESS_HERE = "showsAddressHere"
    #: The relay is reached by a proxy, which it would go around.
    PROXY_HERE = "proxyHere"
    #: The other side does not offer it, or did not answer it.
    LEFT_OUT_THERE = "leftOutThere"
    #: This machine cannot use it, such as for a port that is taken.
    UNUSABLE_HERE = "unusableHere"
    #: The other side names no address that could be tried.
    NO_ADDRESS_THERE = "noAddressThere"
    #: One side has IPv4 only, the other one IPv6 only.
    OTHER_FAMILY = "otherFamily"
    #: A router shows connections from the listening port at another port.
    PORTS_CHANGE_HERE = "portsChangeHere"
    PORTS_CHANGE_THERE = "portsChangeThere"
    #: A connection was refused, not answered, or had no route.
    REFUSED = "refused"
    NO_ANSWER = "noAnswer"
    NO_ROUTE = "noRoute"
    #: No address that a STUN or TURN server sees is among those of a side: UDP may be blocked.
    NO_UDP_HERE = "noUdpHere"
    NO_UDP_THERE = "noUdpThere"
    #: The relay has no transit.
    NO_TRANSIT = "noTransit"


class Outcome(StrEnum):
    """What became of a road."""

    #: Its channel is in use.
    TAKEN = "taken"
    #: It is still tried.
    GOING_ON = "goingOn"
    #: Another one was there first, and this one was not waited for.
    LATE = "late"
    FAILED = "failed"
    #: It was not tried.
    LEFT_OUT = "leftOut"


class Tried(NamedTuple):
    """What became of one road to one peer.

    road: the transport's name. port: the fixed port at which this machine listens for it; 0 where
    it has none. said: the error, cleaned, at most MAX_SAID characters.
    """

    road: str
    outcome: Outcome
    clues: frozenset[Clue] = frozenset()
    port: int = 0
    said: str = ""


class RuledOut(ChannelFailed):
    """A road cannot be taken, for a reason that is known. clue: which."""

    def __init__(self, message: str, clue: Clue) -> None:
        super().__init__(message)
        self.clue = clue


class NoRoadLed(ChannelFailed):
    """Every road to a peer was tried. Its text is what became of each; its hint may be empty."""

    default_hint = ""


def failed(
    road: str, error: BaseException, clues: frozenset[Clue] = frozenset(), port: int = 0
) -> Tried:
    """Return that a road failed, with its error."""
    if isinstance(error, RuledOut):
        clues |= {error.clue}
    return Tried(road, Outcome.FAILED, clues, port, clean(str(error), MAX_SAID))
