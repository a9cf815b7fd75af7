"""What of a session outlives its process: a frozen value, and the calls that record its changes.

Where it is kept is the caller's: core/journal, or nowhere. No line and no task ever lives here.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import NamedTuple, Protocol

from filesend_tui.core.events import SessionId, Wants
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.shared_secret import Secret
from filesend_tui.core.sessions.word_stream import Kept
from relay.protocol.words import Word


class SessionState(NamedTuple):
    """All that one side needs to go on with a session.

    root, side: the root secret, and which of the two this was when they were introduced. epoch: the
    last that this side entered. said, taken: the numbers of this side's last word, and of the last
    one taken from the partner. kept: those that the partner has not acknowledged, in order.
    verification: the words to compare, a secret. takes_parts: whether the partner takes requests in
    parts; not kept, as it says so whenever both meet. remembers: whether the partner's side can
    remember people. contact: the partner's, where they are one; empty otherwise.
    """

    root: Secret
    side: Side
    partner: str
    wants: Wants = Wants.BOTH
    takes_parts: bool = False
    verification: str = ""
    epoch: int = 0
    said: int = 0
    taken: int = 0
    kept: tuple[Kept, ...] = ()
    remembers: bool = False
    contact: str = ""

    def __repr__(self) -> str:
        return f"SessionState(partner={self.partner!r})"  # the rest are secrets, or figures


class Ledger(Protocol):
    """Records the changes of one session, in the order of the calls.

    A result says whether it is recorded, and never comes where the disk hangs; none of them raises.
    """

    def keep(self, number: int, word: Word) -> Awaitable[bool]:
        """Record a word of this side's. Once that is done it may be sent."""

    def drop(self, upto: int) -> None:
        """Record that the partner has the words up to this number."""

    def took(self, number: int) -> Awaitable[bool]:
        """Record that a word of the partner's was taken, with what it led to in this step.

        Once that is done it may be acknowledged.
        """

    def entered(self, epoch: int) -> None:
        """Record that an epoch was entered."""


class Keeper(Protocol):
    """What keeps sessions outside the process."""

    def session_begun(self, id: SessionId, state: SessionState, relay: str) -> Ledger:
        """Record a session. relay: the URL of the relay at which both are."""

    def session_over(self, id: SessionId) -> None:
        """Forget a session."""
