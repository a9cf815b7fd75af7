"""An open swarm at a relay's own tracker, the same for every face. No output ever lives here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from filesend_tui.core.checks import relay_address
from filesend_tui.core.errors import RelayUnreachable, TrackerFailed

if TYPE_CHECKING:
    from filesend_tui.core.checks import Found


class Seeds(Protocol):
    """An object that can serve an open torrent: a Client."""

    async def seed(
        self,
        paths: Collection[Path] | Found,
        *,
        trackers: Sequence[str],
        skip_unreadable: bool = False,
    ) -> str:
        """Make a torrent, announce and serve it; return its id."""


async def seed_at_relay(
    client: Seeds,
    relay_url: str,
    paths: Collection[Path] | Found,
    *,
    skip_unreadable: bool = False,
) -> str:
    """Serve the paths to anybody with the magnet, by the relay's tracker; return the torrent's id.

    Raises:
        RelayUnreachable: The URL is no relay's address, or its tracker does not answer.
        FileSendError: The paths cannot be read, or are served already.
    """
    address = relay_address(relay_url)
    try:
        return await client.seed(paths, trackers=[address.tracker], skip_unreadable=skip_unreadable)
    except TrackerFailed as error:
        raise RelayUnreachable(
            f"The relay at {address.url} does not take the torrent. {error.message}", error.hint
        ) from error
