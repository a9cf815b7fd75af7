"""A client that connects to nothing, and notes where it is told to be."""

from __future__ import annotations


class NotingClient:
    """places: where it is. left: what it was told to leave. fails: raised by `connect`."""

    def __init__(self, *places: str, fails: Exception | None = None) -> None:
        self.places = list(places)
        self.left: list[str] = []
        self.fails = fails

    async def connect(self, relay_url: str, **_: object) -> None:
        if self.fails is not None:
            raise self.fails
        self.places.append(relay_url)

    async def connect_to_tracker(self, url: str, **_: object) -> None:
        self.places.append(url)

    async def disconnect(self, url: str) -> None:
        self.left.append(url)

    def expect_places(self, seconds: float) -> None:
        pass

    def expect_return(self, url: str, seconds: float) -> None:
        pass

    def expect_people(self, url: str, seconds: float) -> None:
        pass
