"""What a person wants done: messages from screens to the app, which alone talks to the Client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from filesend_tui.core.events import TorrentId, TransferId

if TYPE_CHECKING:
    from filesend_tui.core.checks import Chosen, Target
    from filesend_tui.widgets.bars.talk_bar import TalkBar


@dataclass
class NewCode(Message):
    """Ask the relay for a code."""


@dataclass
class JoinCode(Message):
    """Pair with whoever made this code."""

    code: str


@dataclass
class SendPaths(Message):
    """Ask the partner to take these. skip: without what of them cannot be sent."""

    paths: Chosen
    skip: bool = False


@dataclass
class AnswerRequest(Message):
    """A yes or no for each file, and where the files go, as it was when that was shown."""

    transfer: TransferId
    accepted: Sequence[bool]
    folder: Path | Target


@dataclass
class CancelTransfer(Message):
    """Give a transfer up."""

    transfer: TransferId


@dataclass
class SayLine(Message):
    """A line of text for the partner, and the field that takes it back where it cannot be said."""

    text: str
    field: TalkBar


@dataclass
class SavePreferences(Message):
    """Set these, each by its key as a person writes it, and keep them."""

    text: Mapping[str, str]


@dataclass
class SharePaths(Message):
    """Serve these to anybody who has the link. skip: without what of them cannot be sent."""

    paths: Chosen
    skip: bool = False


@dataclass
class StopShare(Message):
    """Share this no longer. torrent: the share's id; empty for the one being prepared."""

    torrent: TorrentId
