"""Who paused a transfer, or files of it, beside its phase: a table of its own; sans-IO.

Each side pauses for itself and takes back its own pause alone: the transfer runs while nobody has
paused it. Single files are the receiver's to leave out for now. An input without a row is late or
duplicate, and is ignored. Which phases can be paused is table.py's; what a pause does to a torrent
is torrent/'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

from filesend_tui.core import events
from filesend_tui.core.events import Direction, PausedBy, TransferId
from filesend_tui.core.exchange.values import (
    Effect,
    HoldFiles,
    PartnerPaused,
    PartnerResumed,
    Paused,
    Publish,
    Resumed,
    SendWord,
)
from relay.protocol import words

PauseInput: TypeAlias = Paused | Resumed | PartnerPaused | PartnerResumed


class About(NamedTuple):
    """The transfer that is paused."""

    id: TransferId
    direction: Direction
    partner: str


_Make: TypeAlias = Callable[[About, PausedBy], Effect]


def _say_paused(about: About, _: PausedBy) -> Effect:
    return SendWord(words.Pause(id=about.id))


def _say_resumed(about: About, _: PausedBy) -> Effect:
    return SendWord(words.Resume(id=about.id))


def publish_paused(about: About, by: PausedBy) -> Effect:
    """Publish who has paused it."""
    return Publish(
        events.TransferPaused(
            transfer=about.id, direction=about.direction, partner=about.partner, by=by
        )
    )


def _publish_resumed(who: PausedBy) -> _Make:
    return lambda about, _: Publish(
        events.TransferResumed(
            transfer=about.id, direction=about.direction, partner=about.partner, by=who
        )
    )


def publish_files(about: About, files: tuple[int, ...]) -> Effect:
    """Publish which files are left out for now."""
    return Publish(
        events.FilesPaused(
            transfer=about.id, direction=about.direction, partner=about.partner, files=files
        )
    )


def files_paused(about: About, files: tuple[int, ...]) -> tuple[Effect, ...]:
    """Return the effects of other files being left out than before."""
    if about.direction is Direction.SEND:
        return (publish_files(about, files),)
    word = words.PauseFiles(id=about.id, files=list(files))
    return (SendWord(word), publish_files(about, files), HoldFiles(files))


class Row(NamedTuple):
    """Who has paused it then, and the effects; they are made for that."""

    by: PausedBy
    effects: tuple[_Make, ...]


_B = PausedBy
TABLE: Final[Mapping[tuple[PausedBy, type[PauseInput]], Row]] = {
    (_B.NOBODY, Paused): Row(_B.YOU, (_say_paused, publish_paused)),
    (_B.PARTNER, Paused): Row(_B.BOTH, (_say_paused, publish_paused)),
    (_B.NOBODY, PartnerPaused): Row(_B.PARTNER, (publish_paused,)),
    (_B.YOU, PartnerPaused): Row(_B.BOTH, (publish_paused,)),
    (_B.YOU, Resumed): Row(_B.NOBODY, (_say_resumed, _publish_resumed(_B.YOU))),
    (_B.BOTH, Resumed): Row(_B.PARTNER, (_say_resumed, publish_paused)),
    (_B.PARTNER, PartnerResumed): Row(_B.NOBODY, (_publish_resumed(_B.PARTNER),)),
    (_B.BOTH, PartnerResumed): Row(_B.YOU, (publish_paused,)),
}
