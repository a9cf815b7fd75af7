"""People nearby who want to be seen, and being seen by them: a name, and whom somebody calls.

Anybody on a network may say any name. So nobody is sent anything for being nearby: to pair takes a
code, which the two tell each other, and a call only asks for that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from filesend_tui.core.nearby.announced import Announced, Own
from filesend_tui.core.nearby.interfaces import Here
from filesend_tui.core.nearby.looking import Looking
from filesend_tui.core.util.text import clean
from relay.protocol import nearby

#: The service's type, as RFC 6763 names it, and the keys of its TXT record.
SERVICE_TYPE: Final = "_filesend-who._tcp.local."
_VERSION: Final = "v"
_NAME: Final = "n"
_CALLS: Final = "c"
#: Of no meaning, and different each time: of two records that are the same, looked at as the cache
#: of the library has it, nobody would hear that the second came.
_CHANGE: Final = "s"
#: Most characters of a name; all of them are at most 4 bytes, and a string of TXT 255.
MAX_NAME: Final = 48


class NearbyPerson(NamedTuple):
    """Somebody who says that they are nearby.

    name: as they say it, for display. instance: the random name of their announcement. calls: the
    instance of whom they ask to pair; empty: nobody.
    """

    name: str
    instance: str
    calls: str


class NearbyPeople(Looking[NearbyPerson]):
    """Sees those who are nearby and is seen by them, from `start` to `close`.

    Somebody who calls, or calls no more, is `gone` and `found` again.

    Args:
        name: Of this side's person.
        found: Called with each who is there; must raise nothing.
        gone: Called with them once they are not; must raise nothing. Not at `close`.
    """

    def __init__(
        self,
        name: str,
        found: Callable[[NearbyPerson], None],
        gone: Callable[[NearbyPerson], None],
    ) -> None:
        self.instance = nearby.new_instance()
        super().__init__(SERVICE_TYPE, person_in, found, gone, lambda: self.instance)
        self._name = name
        self._changes = 0

    async def start(self) -> None:
        """Begin to look, and to be seen; returns at once."""
        await self.call("")
        await super().start()

    async def call(self, instance: str) -> None:
        """Ask somebody there to pair; empty: nobody any more."""
        self._changes += 1
        facts = {
            _VERSION: nearby.VERSION,
            _NAME: clean(self._name, MAX_NAME),
            _CHANGE: str(self._changes),
        }
        if instance:
            facts[_CALLS] = instance
        await self.tell(Own(self.instance, facts))


def person_in(instance: str, said: Announced, here: Here) -> NearbyPerson | None:
    """Return the person of an announcement; None where it is of another version, or not near."""
    if said.facts.get(_VERSION.encode()) != nearby.VERSION.encode() or not here.has(said.addresses):
        return None
    name = clean(_text(said.facts.get(_NAME.encode())), MAX_NAME)
    calls = _text(said.facts.get(_CALLS.encode()))
    if not name.strip():
        return None
    return NearbyPerson(name, instance, calls if nearby.is_instance(calls) else "")


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")
