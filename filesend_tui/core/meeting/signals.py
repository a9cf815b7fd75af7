"""How a swarm's offers and answers look to a tracker: plain, or sealed under a key it never has.

The seam alone: values in, values out. What carries them is the announcer's affair.
"""

from __future__ import annotations

from typing import Protocol

#: A session description: `{"type": "offer" | "answer", "sdp": text}`.
Description = dict[str, str]


class BadSignal(ValueError):
    """A description that was not made by a member of this swarm."""


class Signals(Protocol):
    """Encodes what the tracker sees of a swarm."""

    @property
    def rendezvous(self) -> bytes:
        """The 20 bytes by which the tracker knows the swarm."""

    def seal(self, description: Description) -> Description:
        """Return what the tracker may see; the same shape, so that any tracker passes it on."""

    def open(self, description: Description) -> Description:
        """Return what was sealed.

        Raises:
            BadSignal: Nobody in this swarm sealed it.
        """


class PlainSignals:
    """An open swarm: known by its infohash, descriptions as they are (WebTorrent)."""

    def __init__(self, info_hash: bytes) -> None:
        self._info_hash = info_hash

    @property
    def rendezvous(self) -> bytes:
        """The infohash itself."""
        return self._info_hash

    def seal(self, description: Description) -> Description:
        """Return it as it is."""
        return description

    def open(self, description: Description) -> Description:
        """Return it as it is."""
        return description
