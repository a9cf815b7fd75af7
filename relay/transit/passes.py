"""Passes: what shows the transit who opens an end. Given to people over their own connection.

A pass is one person's while they are connected. Who may have a pipe with whom is pipes.py's.
"""

from __future__ import annotations

import secrets

from relay.protocol.transit import PASS
from relay.stores.base import PersonKey


class Passes:
    """The passes of everybody connected: at most one each."""

    def __init__(self) -> None:
        self._passes: dict[PersonKey, bytes] = {}
        self._holders: dict[bytes, PersonKey] = {}

    def give(self, person: PersonKey) -> bytes:
        """Return the pass of a person; make it if there is none."""
        if person not in self._passes:
            made = secrets.token_bytes(PASS)
            self._passes[person] = made
            self._holders[made] = person
        return self._passes[person]

    def holder(self, pass_: bytes) -> PersonKey | None:
        """Return whose pass it is."""
        return self._holders.get(pass_)

    def drop(self, person: PersonKey) -> None:
        """Take back the pass of a person who is gone."""
        made = self._passes.pop(person, None)
        if made is not None:
            del self._holders[made]
