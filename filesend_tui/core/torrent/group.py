"""Several transfers that one torrent serves: hashed once, one private swarm, one key.

Each member is one transfer: of one person, in a session of its own, with an approval of its own.
What is the same for all is made once, by whoever comes first, and freed by whoever leaves last.
Making and serving a torrent is engine.py's; no rule of an exchange ever lives here.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

import msgspec

from filesend_tui.core.events import Event, SessionEvent, SessionId, TransferId, of_session
from filesend_tui.core.meeting.invitation import Reach
from filesend_tui.core.meeting.signaling import SWARM_KEY_LENGTH
from filesend_tui.core.torrent.peer.word_channel import WordChannel, WordReceiver

if TYPE_CHECKING:
    from filesend_tui.core.torrent.metainfo.info import TorrentInfo
    from filesend_tui.core.torrent.torrent import Torrent

T = TypeVar("T")

#: Words that nobody here can open, of one connection, after which it is closed.
MOST_UNOPENED: Final = 8


class SessionWords(WordReceiver, Protocol):
    """What takes the words of one session."""

    def greeting(self) -> bytes:
        """Return a sealed word that says nothing, by which the partner knows the channel."""


class Shared(Generic[T]):
    """A result that several wait for, made once; cancelling one of them cancels nobody else."""

    def __init__(self) -> None:
        self._task: asyncio.Task[T] | None = None

    @property
    def done(self) -> bool:
        """Whether there is a result."""
        task = self._task
        return task is not None and task.done() and not task.cancelled() and not task.exception()

    async def get(self, make: Callable[[], Awaitable[T]]) -> T:
        """Return the result; the first caller's `make` makes it. Raises what that raises."""
        if self._task is None:
            self._task = asyncio.ensure_future(_await(make))
        return await asyncio.shield(self._task)

    async def give_up(self) -> None:
        """Cancel the making, if it is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                self._task.exception()  # each who waited for it has it


class Group:
    """The transfers that one torrent is for.

    Args:
        size: How many people were asked, at least 2.
        id: Tells its torrent from others of the same files; of an earlier process, or fresh.
        swarm_key: The private swarm's, 32 bytes; of an earlier process, or fresh.
    """

    def __init__(self, size: int, *, id: str = "", swarm_key: bytes = b"") -> None:
        self.id = TransferId(id or secrets.token_hex(8))
        self.size = size
        self.swarm_key = swarm_key or secrets.token_bytes(SWARM_KEY_LENGTH)
        self.info: Shared[TorrentInfo] = Shared()
        self.torrent: Shared[Torrent] = Shared()
        self.replies: dict[TransferId, Reach] = {}
        self.words = GroupWords()
        self._members: dict[TransferId, SessionId | None] = {}
        self._away: set[TransferId] = set()

    def __repr__(self) -> str:
        return f"Group(id={self.id!r}, size={self.size})"

    def __contains__(self, transfer: TransferId | None) -> bool:
        return transfer in self._members

    def join(
        self, transfer: TransferId, session: SessionId | None, words: SessionWords | None
    ) -> None:
        """Add a member. words: takes the words of its session."""
        self._members[transfer] = session
        if words is not None:
            self.words.add(transfer, words)

    def leave(self, transfer: TransferId) -> bool:
        """Remove a member; return whether it was the last one."""
        known = transfer in self._members
        self._members.pop(transfer, None)
        self.replies.pop(transfer, None)
        self.words.remove(transfer)
        self._away.discard(transfer)
        return known and not self._members

    async def free(self) -> None:
        """Forget the torrent; what was hashed stays, for whoever comes later."""
        torrent, self.torrent = self.torrent, Shared()
        await torrent.give_up()
        if not self.info.done:
            info, self.info = self.info, Shared()
            await info.give_up()

    def partner_away(self, transfer: TransferId, *, away: bool) -> bool:
        """Record whether the person of a member is away; return whether all are."""
        (self._away.add if away else self._away.discard)(transfer)
        return self.all_away

    @property
    def all_away(self) -> bool:
        """Whether nobody is there."""
        return self.all_in(self._away)

    def all_in(self, some: AbstractSet[TransferId]) -> bool:
        """Return whether all members are among these transfers, and there is one."""
        return bool(self._members) and self._members.keys() <= some

    def of_members(self, event: Event) -> Iterator[Event]:
        """Yield what is to be published for an event of the torrent: one for each member.

        An event that names no transfer is nobody's in particular, and published as it is.
        """
        if getattr(event, "transfer", None) != self.id:
            yield event
            return
        for transfer in tuple(self._members):
            yield self.of_member(event, transfer)

    def of_member(self, event: Event, transfer: TransferId) -> Event:
        """Return an event of the torrent as that of one member."""
        named = msgspec.structs.replace(event, transfer=transfer)
        session = self._members[transfer]
        return of_session(named, session) if isinstance(named, SessionEvent) else named


class GroupWords:
    """Gives each connection's words to the session that they are of; a WordReceiver.

    In the swarm of a group a connection may lead to anybody in it. Who receives says a sealed word
    over each; only the sender can open it, knows by it whose connection that is, and says one back.
    Others cannot open it, and ignore it.

    Args:
        greets: Whether this side says the first word: that of the only session it has there.
    """

    def __init__(self, *, greets: bool = False) -> None:
        self._greets = greets
        self._receivers: dict[TransferId, SessionWords] = {}
        self._owners: dict[WordChannel, SessionWords | None] = {}
        self._unopened: dict[WordChannel, int] = {}

    def add(self, transfer: TransferId, receiver: SessionWords) -> None:
        """Take the words of one more session."""
        self._receivers[transfer] = receiver

    def remove(self, transfer: TransferId) -> None:
        """Take no more of a session's."""
        gone = self._receivers.pop(transfer, None)
        for channel, owner in self._owners.items():
            if owner is not None and owner is gone:
                owner.channel_closed(channel)
                self._owners[channel] = None

    def channel_opened(self, channel: WordChannel) -> None:
        """See WordReceiver."""
        self._owners[channel] = None
        if self._greets:
            for receiver in self._receivers.values():
                channel.send(receiver.greeting())

    def channel_closed(self, channel: WordChannel) -> None:
        """See WordReceiver."""
        self._unopened.pop(channel, None)
        if (owner := self._owners.pop(channel, None)) is not None:
            owner.channel_closed(channel)

    def channel_heard(self, channel: WordChannel, sealed: bytes) -> bool:
        """See WordReceiver; a few that nobody here can open may be meant for others."""
        if (owner := self._owners.get(channel)) is not None:
            return owner.channel_heard(channel, sealed)
        for receiver in self._receivers.values():
            if receiver.channel_heard(channel, sealed):
                self._owners[channel] = receiver
                if not self._greets:
                    channel.send(receiver.greeting())
                receiver.channel_opened(channel)
                return True
        self._unopened[channel] = self._unopened.get(channel, 0) + 1
        return self._unopened[channel] <= MOST_UNOPENED


async def _await(make: Callable[[], Awaitable[T]]) -> T:
    return await make()
