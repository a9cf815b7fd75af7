"""Tells when a relay makes a torrent's bytes wait, and when it does no more. Decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from filesend_tui.core.events import Event, PeerSlowed, PeerSlowOver, TransferId
from filesend_tui.core.transports.base import Slowing
from filesend_tui.core.util.figures import rate_text

_SAID: Final = {
    "pipe": "The relay holds it back: two people have at most {rate} there.",
    "all": "The relay holds it back: it carries at most {rate} for everybody together.",
    "day": "The relay holds it back: what it carries for an address in a day is used up.",
}
_HINT: Final = "It goes on by itself, at up to {rate}; a direct way would not have this limit."


class SlowWatch:
    """What was told of one torrent.

    Args:
        publish: Takes an event.
        torrent: Its id.
        transfer: The transfer it belongs to, if any.
    """

    def __init__(
        self, publish: Callable[[Event], None], torrent: str, transfer: TransferId | None
    ) -> None:
        self._publish = publish
        self._torrent = torrent
        self._transfer = transfer
        self._told: Slowing | None = None

    def look(self, slowed: Slowing | None) -> None:
        """Tell what has changed; call about once a second."""
        if slowed == self._told:
            return
        self._told = slowed
        if slowed is None:
            self._publish(PeerSlowOver(torrent=self._torrent, transfer=self._transfer))
            return
        rate = rate_text(slowed.per_second)
        self._publish(
            PeerSlowed(
                torrent=self._torrent,
                transfer=self._transfer,
                reason=slowed.bound,
                bytes_per_second=slowed.per_second,
                message=_SAID[slowed.bound].replace("{rate}", rate),
                hint=_HINT.replace("{rate}", rate),
            )
        )
