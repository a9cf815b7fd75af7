"""A network on which a test says who is nearby."""

from __future__ import annotations

from collections.abc import Callable

from filesend_tui.core.nearby.people import NearbyPerson
from filesend_tui.runtime.near_people import NearPeople
from tests.tui.scripted import Stage

ME = "00000001"


class ScriptedNearby:
    """A network that a test tells who is on."""

    def __init__(
        self,
        name: str,
        found: Callable[[NearbyPerson], None],
        gone: Callable[[NearbyPerson], None],
    ) -> None:
        self.name = name
        self.instance = ME
        self.found = found
        self.gone = gone
        self.called: list[str] = []
        self.open = False

    async def start(self) -> None:
        self.open = True

    async def close(self) -> None:
        self.open = False

    async def call(self, instance: str) -> None:
        self.called.append(instance)


class Network:
    """What the app looks at; `here` is what it opened, in order."""

    def __init__(self, stage: Stage, *, visible: bool) -> None:
        self.here: list[ScriptedNearby] = []
        app = stage.app
        app.store.people.visible = visible
        app._near = NearPeople(
            app.store,
            app._called,
            app.clock,
            app._draw_soon,
            self._make,  # type: ignore[arg-type]
        )

    def _make(
        self,
        name: str,
        found: Callable[[NearbyPerson], None],
        gone: Callable[[NearbyPerson], None],
    ) -> ScriptedNearby:
        self.here.append(ScriptedNearby(name, found, gone))
        return self.here[-1]

    @property
    def now(self) -> ScriptedNearby:
        return self.here[-1]
