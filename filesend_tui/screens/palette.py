"""The palette's commands: every action of the table of keys, by name, with its key.

The app decides which are offered, and performs them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.screen import Screen


class NamedAction(NamedTuple):
    """An action: its name with its key, its description, and a callback that performs it."""

    title: str
    about: str
    act: Callable[[], None]


class Actor(Protocol):
    """An app that has actions."""

    def named_actions(self, screen: Screen[object]) -> Iterator[NamedAction]:
        """Yield the actions, those of a screen first."""


class Actions(Provider):
    """The app's actions, in its order."""

    @property
    def _actions(self) -> Iterator[NamedAction]:
        return cast("Actor", self.app).named_actions(self.screen)

    async def discover(self) -> Hits:
        """Yield all of them."""
        for action in self._actions:
            yield DiscoveryHit(action.title, action.act, help=action.about)

    async def search(self, query: str) -> Hits:
        """Yield those whose name or description matches the query."""
        matcher = self.matcher(query)
        for action in self._actions:
            score = matcher.match(action.title)
            if score > 0:
                yield Hit(score, matcher.highlight(action.title), action.act, help=action.about)
            elif (score := matcher.match(action.about)) > 0:
                yield Hit(score / 2, action.title, action.act, help=action.about)
