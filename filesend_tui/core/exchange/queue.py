"""The order of what this side sends: which transfers run, and for how many each other one waits.

Only senders queue: where both sides did, each could hold back what the other lets run. All run at
once unless somebody says otherwise: each partner has another line, and a slow one should keep
nobody else waiting. Pure: no task, no clock, no transfer ever lives here.
"""

from __future__ import annotations

from collections.abc import Collection

from filesend_tui.core.events import TransferId


class Queue:
    """The transfers to be sent, in order.

    Args:
        at_once: How many may run at once; None: all.
    """

    def __init__(self, at_once: int | None) -> None:
        self.at_once = at_once
        self._order: list[TransferId] = []

    def places(
        self, known: Collection[TransferId], ready: Collection[TransferId]
    ) -> dict[TransferId, int]:
        """Return for how many others each transfer that is ready waits; 0: it may run.

        Args:
            known: All that are not over: the order of these is kept; new ones come last.
            ready: Those of them that could run: nobody has paused them, and the partner is there.
        """
        there = dict.fromkeys((*self._order, *known))
        self._order = [each for each in there if each in known]
        at_once = len(self._order) if self.at_once is None else self.at_once
        waiting = [each for each in self._order if each in ready]
        return {each: max(0, place - at_once + 1) for place, each in enumerate(waiting)}

    def move(self, transfer: TransferId, by: int) -> None:
        """Move a transfer so many places towards the end (below 0: the beginning) of the order."""
        if transfer in self._order:
            place = self._order.index(transfer)
            self._order.remove(transfer)
            self._order.insert(max(0, place + by), transfer)
