"""Commands: messages from screens to the app, which alone calls the Client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from filesend_tui.core.choices import Stood
from filesend_tui.core.events import Allowance, SessionId, TorrentId, TransferId, Unfinished
from filesend_tui.state.people.everybody import Person

if TYPE_CHECKING:
    from filesend_tui.core.checks import Chosen, Target
    from filesend_tui.widgets.bars.talk_bar import TalkBar


@dataclass
class NewCode(Message):
    """Ask the relay for a code."""


@dataclass
class JoinCode(Message):
    """Pair with the person who made this code."""

    code: str


@dataclass
class SendPaths(Message):
    """Ask people to take these.

    skip: leave out those that cannot be sent. to: whom to ask; empty for whom the choice is for.
    """

    paths: Chosen
    skip: bool = False
    to: tuple[Person, ...] = ()


@dataclass
class TurnTo(Message):
    """Have the screens be about the partner of another session."""

    session: SessionId | None


@dataclass
class Disconnect(Message):
    """End a session, after a question where something runs."""

    session: SessionId | None


@dataclass
class StopWaiting(Message):
    """Wait for a contact no longer: what they were to get is not sent."""

    contact: str


@dataclass
class AskNearby(Message):
    """Ask somebody nearby to pair, by a code of this side."""

    instance: str
    name: str


@dataclass
class BeSeen(Message):
    """See who is nearby and be seen by them, or neither; for this run."""

    visible: bool


@dataclass
class RenameContact(Message):
    """Name a contact, for this side alone."""

    contact: str
    name: str


@dataclass
class ForgetContact(Message):
    """Forget a contact."""

    contact: str


@dataclass
class AnswerRequest(Message):
    """Answer a request: a yes or no for each file, and the folder as it was when shown.

    replace: what is there and may be replaced, as it was when shown.
    """

    transfer: TransferId
    accepted: Sequence[bool]
    folder: Path | Target
    replace: Sequence[Stood] = ()


@dataclass
class LookInto(Message):
    """Find out which files of a request are in this folder already."""

    transfer: TransferId
    folder: Path | Target


@dataclass
class CancelTransfer(Message):
    """Cancel a transfer."""

    transfer: TransferId


@dataclass
class MoveTransfer(Message):
    """Send a transfer so many places later, or below 0 sooner."""

    transfer: TransferId
    by: int


@dataclass
class AskAgain(Message):
    """Ask the partner to send a transfer that is over again."""

    transfer: TransferId


@dataclass
class PauseTransfer(Message):
    """Pause a transfer, or take this side's pause back. files: only these of it; None: all."""

    transfer: TransferId
    pause: bool
    files: tuple[int, ...] | None = None


@dataclass
class SayLine(Message):
    """Send the partner a line of text. field: gets it back if it cannot be sent."""

    text: str
    field: TalkBar


@dataclass
class LimitRates(Message):
    """Limit this run to so many bytes a second; None for no limit."""

    upload: int | None
    download: int | None


@dataclass
class SavePreferences(Message):
    """Apply and save these settings, each under its key and as a person types it."""

    text: Mapping[str, str]


@dataclass
class AllowContact(Message):
    """Set what is taken of a contact without asking; None for nothing."""

    contact: str
    allowance: Allowance | None


@dataclass
class LookForPeople(Message):
    """Look who of those who are remembered is there."""


@dataclass
class ClearHistory(Message):
    """Delete the whole history."""


@dataclass
class ForgetUnfinished(Message):
    """Forget an unfinished transfer, with what arrived of it."""

    left: Unfinished


@dataclass
class SharePaths(Message):
    """Serve these to anybody with the link. skip: leave out those that cannot be sent."""

    paths: Chosen
    skip: bool = False


@dataclass
class StopShare(Message):
    """Stop sharing this. torrent: the share's id; empty for the one being prepared."""

    torrent: TorrentId
