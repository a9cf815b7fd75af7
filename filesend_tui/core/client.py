"""The Client: the one door to the core. Commands go in, events come out.

Nothing is decided here: each method hands the command to the room that owns it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.event_stream import Subscription
from filesend_tui.core.events import TransferId


class Client:
    """Seeds, adds and removes torrents; pairs with one person at a time; exchanges files.

    All methods belong to the event loop it was created on. Every failure is a FileSendError.
    """

    def __init__(self, config: ClientConfig) -> None: ...

    def subscribe(self) -> Subscription:
        """Return a new reader of the event stream: `async for event in client.subscribe()`."""

    # -- torrents
    async def seed(
        self, paths: Sequence[Path], *, trackers: Sequence[str], name: str | None = None
    ) -> str:
        """Make a torrent, announce and serve it; return its id (infohash hex)."""

    async def add(
        self, magnet: str, *, output: Path | None = None, selected: Sequence[int] | None = None
    ) -> str:
        """Start downloading into `output`; return the torrent's id at once."""

    async def remove(self, torrent: str, *, delete_data: bool = False) -> None: ...
    async def destroy(self) -> None: ...

    # -- people
    async def connect(self, relay_url: str) -> None:
        """Connect to the relay. Raises RelayUnreachable."""

    async def create_code(self) -> str:
        """Ask the relay for a nameplate and return the code; Paired follows when it is used."""

    async def join(self, code: str) -> None:
        """Pair with whoever made the code; returns when paired. Raises PairingFailed."""

    async def leave(self) -> None:
        """End the pairing; running transfers with this partner are cancelled."""

    async def request(self, paths: Sequence[Path]) -> TransferId:
        """Ask the partner to accept these files and folders."""

    async def answer(
        self, transfer: TransferId, accepted: Sequence[bool], *, output: Path | None = None
    ) -> None:
        """Say yes or no for each file. Raises NoSpace (and leaves the request open)."""

    async def cancel(self, transfer: TransferId) -> None: ...
    async def say(self, text: str) -> None: ...
