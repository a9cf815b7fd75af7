"""The people of the screens: those with whom there is a session, who are remembered, or nearby.

A part of the store, with the same rules: events in, frozen rows out; no Textual, no I/O, no clock.
Which of them the other screens show is the store's.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from filesend_tui.core import events
from filesend_tui.core.events import Allowance, Contact, Event, SessionId
from filesend_tui.state.figures import countdown

#: People of whom rows are kept: the newest of more contacts, as `Client.contacts` has them.
MAX_KNOWN: Final = 1_000


class Standing(StrEnum):
    """How one stands to somebody, the nearest first."""

    HERE = "here"
    AWAY = "away"
    CALLED = "called"
    ONLINE = "online"
    NEARBY = "nearby"
    KNOWN = "known"
    DOUBTED = "doubted"


_ORDER: Final = {standing: at for at, standing in enumerate(Standing)}


class Person(msgspec.Struct, frozen=True):
    """Somebody at one moment.

    key: what they are told by: their contact's id, else their session's, else that of their
    announcement. standing: `here` and `away` with a session, the others without; who is `nearby` is
    anybody who says so. shown: the other screens are about them. waited: for
    how long they are called, such as `0:42`. last_seen: seconds since 1970; None for who is not
    remembered. allowed: what is taken of them without asking; None for nothing.
    """

    key: str
    name: str
    standing: Standing
    session: SessionId | None = None
    contact: str = ""
    shown: bool = False
    waited: str = ""
    last_seen: float | None = None
    allowed: Allowance | None = None

    @property
    def paired(self) -> bool:
        """Whether there is a session with them."""
        return self.standing in {Standing.HERE, Standing.AWAY}

    @property
    def addressable(self) -> bool:
        """Whether something can be sent to them, at once or once they are met."""
        return self.standing not in {Standing.CALLED, Standing.DOUBTED, Standing.NEARBY}


@dataclass(slots=True)
class _Paired:
    """name: the partner's. since: when they went away; None while they are there."""

    name: str
    contact: str = ""
    away_since: float | None = None
    asks: bool = False


class People:
    """The sessions and the contacts. Only `apply` and the methods after it change them.

    parted_known: whether who left last is a contact, and so can be met again without a code.
    visible: whether people nearby see this side, and are seen; None where that cannot be.
    """

    def __init__(self) -> None:
        self.parted_known = False
        self.visible: bool | None = None
        self._near: dict[str, str] = {}
        self._paired: dict[SessionId | None, _Paired] = {}
        self._known: dict[str, Contact] = {}
        self._online: set[str] = set()
        self._called: dict[str, float] = {}

    def __contains__(self, session: SessionId | None) -> bool:
        """Return whether there is this session."""
        return session in self._paired

    def __len__(self) -> int:
        """Return with how many there is a session."""
        return len(self._paired)

    def rows(self, shown: SessionId | None, now: float) -> tuple[Person, ...]:
        """Return everybody: with a session, in the order of pairing; then who is called, who is
        online, who is nearby, and who was seen last; those who are doubted at the end.

        shown: the session that the other screens are about. now: seconds, as for `apply`.
        """
        paired = self.partners(shown)
        here = {person.contact for person in paired}
        known = [self._without(each, now) for each in self._known.values()]
        known.extend(self._nearby({person.name for person in paired}))
        known.sort(key=lambda each: (_ORDER[each.standing], -(each.last_seen or 0)))
        return (*paired, *(each for each in known if not each.contact or each.contact not in here))

    def _nearby(self, met: Container[str]) -> Iterator[Person]:
        """Yield who is nearby, but for names of those who are met: most likely it is they."""
        for instance, name in self._near.items():
            if name not in met:
                yield Person(key=instance, name=name, standing=Standing.NEARBY)

    def partners(self, shown: SessionId | None) -> tuple[Person, ...]:
        """Return those with a session, as `rows` does; there are few, whoever is remembered."""
        return tuple(self._with(id, each, id == shown) for id, each in self._paired.items())

    def _with(self, id: SessionId | None, each: _Paired, shown: bool) -> Person:
        known = self._known.get(each.contact)
        return Person(
            key=each.contact or id or "",
            name=known.name if known is not None else each.name,
            standing=Standing.HERE if each.away_since is None else Standing.AWAY,
            session=id,
            contact=each.contact,
            shown=shown,
            last_seen=known.last_seen if known is not None else None,
            allowed=known.allowed if known is not None else None,
        )

    def _without(self, each: Contact, now: float) -> Person:
        since = self._called.get(each.contact)
        standing = Standing.KNOWN
        if each.doubted:
            standing = Standing.DOUBTED
        elif since is not None:
            standing = Standing.CALLED
        elif each.contact in self._online:
            standing = Standing.ONLINE
        return Person(
            key=each.contact,
            name=each.name,
            standing=standing,
            contact=each.contact,
            waited="" if since is None else countdown(now - since),
            last_seen=each.last_seen,
            allowed=each.allowed,
        )

    def name_of(self, session: SessionId | None) -> str | None:
        """Return the name of a session's partner; None where there is no such session."""
        return self._paired[session].name if session in self._paired else None

    def away_since(self, session: SessionId | None) -> float | None:
        """Return since when a partner is away; None where they are there, or are no partner."""
        return self._paired[session].away_since if session in self._paired else None

    def asks(self, session: SessionId | None) -> bool:
        """Return whether a partner asks to remember each other, and has no answer."""
        return session in self._paired and self._paired[session].asks

    # -- what changes them

    def apply(self, event: Event, now: float) -> None:
        """Apply an event that was seen at `now` (seconds, monotonic)."""
        match event:
            case events.Paired():
                self.add(event.session, event.partner, event.contact)
            case events.PartnerAway() if event.session in self._paired:
                self._paired[event.session].away_since = now
            case events.PartnerBack() if event.session in self._paired:
                self._paired[event.session].away_since = None
            case events.PartnerGone():
                self.parted_known = self._reachable(event.session)
                self.gone(event.session)
            case events.RememberAsked(outgoing=False) if event.session in self._paired:
                self._paired[event.session].asks = True
            case events.Remembered() if event.session in self._paired:
                self._paired[event.session].contact = event.contact
                self.answered(event.session)
            case events.ContactSeen():
                self._online.add(event.contact)
            case events.ContactForgotten():
                self._forget(event.contact)
            case events.ContactDoubted() if event.contact in self._known:
                doubted = replace(self._known[event.contact], doubted=True)
                self._known[event.contact] = doubted

    def add(self, session: SessionId | None, name: str, contact: str = "") -> None:
        """Add a session."""
        self._paired[session] = _Paired(name, contact)

    def gone(self, session: SessionId | None) -> None:
        """Remove a session."""
        self._paired.pop(session, None)

    def answered(self, session: SessionId | None) -> None:
        """Note that it was answered whether the two remember each other."""
        if session in self._paired:
            self._paired[session].asks = False

    def know(self, contacts: Iterable[Contact]) -> None:
        """Take those who are remembered, in place of those before."""
        self._known = {each.contact: each for each in list(contacts)[:MAX_KNOWN]}

    def found(self, contact: str, *, online: bool) -> None:
        """Note whether a contact was there when it was looked for them."""
        (self._online.add if online else self._online.discard)(contact)

    def near(self, instance: str, name: str) -> None:
        """Note that somebody says that they are nearby."""
        self._near[instance] = name

    def near_no_more(self, instance: str) -> None:
        """Note that somebody is not nearby any more."""
        self._near.pop(instance, None)

    def nobody_near(self) -> None:
        """Note that nobody nearby is seen any more."""
        self._near.clear()

    def call(self, contact: str, now: float) -> None:
        """Note that a contact is waited for."""
        self._called[contact] = now

    def call_over(self, contact: str) -> None:
        """Note that a contact is no longer waited for."""
        self._called.pop(contact, None)

    def _reachable(self, session: SessionId | None) -> bool:
        """Return whether a partner is a contact who can be met as one."""
        contact = self._paired[session].contact if session in self._paired else ""
        return contact in self._known and not self._known[contact].doubted

    def _forget(self, contact: str) -> None:
        self._known.pop(contact, None)
        self._online.discard(contact)
        for each in self._paired.values():
            if each.contact == contact:
                each.contact = ""
