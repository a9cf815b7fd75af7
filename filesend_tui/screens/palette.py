"""The palette's commands: every action of the table of keys with its key, by name.

Which they are now, and what they do, is the app's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.screen import Screen


class NamedAction(NamedTuple):
    """Something to do: its name with its key, what it does, and the doing."""

    title: str
    about: str
    act: Callable[[], None]


class Actor(Protocol):
    """An app that has actions."""

    def named_actions(self, screen: Screen[object]) -> Iterator[NamedAction]:
        """Go through the actions, those of a screen first."""


class Actions(Provider):
    """Hands out the app's actions, in its order."""

    @property
    def _actions(self) -> Iterator[NamedAction]:
        return cast("Actor", self.app).named_actions(self.screen)

    async def discover(self) -> Hits:
        """Yield all of them."""
        for action in self._actions:
            yield DiscoveryHit(action.title, action.act, help=action.about)

    async def search(self, query: str) -> Hits:
        """Yield those whose name or meaning looks like what was typed."""
        matcher = self.matcher(query)
        for action in self._actions:
            score = matcher.match(action.title)
            if score > 0:
                yield Hit(score, matcher.highlight(action.title), action.act, help=action.about)
            elif (score := matcher.match(action.about)) > 0:
                yield Hit(score / 2, action.title, action.act, help=action.about)
