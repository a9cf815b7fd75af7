"""The commands of an open swarm: seed and download."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from filesend_tui.core import events
from filesend_tui.core.checks import check_folder
from filesend_tui.core.client import Client
from filesend_tui.core.errors import FileSendError
from filesend_tui.core.event_stream import Subscription
from filesend_tui.headless.outcome import raised
from filesend_tui.headless.paired import FindRelay, connect
from filesend_tui.runtime import open_share

#: Errors that a torrent may recover from: another peer or tracker answers, or the same later.
_PASSING: Final = {"trackerFailed", "noPeers", "channelFailed"}


async def seed(
    client: Client,
    paths: Collection[Path],
    trackers: Sequence[str],
    *,
    skip_unreadable: bool = False,
) -> None:
    """Serve the paths to anybody with the magnet, until cancelled.

    Args:
        client: Serves them.
        paths: Files and folders; of `Chosen` each must still be the same file.
        trackers: URLs of WebSocket trackers.
        skip_unreadable: Leave out what cannot be sent.

    Raises:
        FileSendError: The paths cannot be read, no tracker accepts them, or the torrent failed.
    """
    found = await client.look_through(paths, openly=True, skip_unreadable=skip_unreadable)
    stream = client.subscribe()
    await _serve(stream, await client.seed(found, trackers=trackers))


async def seed_at_relay(
    client: Client,
    find_relay: FindRelay,
    paths: Collection[Path],
    *,
    skip_unreadable: bool = False,
) -> None:
    """Serve the paths by the relay's own tracker. See `seed`.

    It stays connected to the relay, to start the next one of this machine should that end.

    Raises:
        RelayUnreachable: There is no relay, or its tracker does not answer.
        FileSendError: As `seed`.
    """
    found = await client.look_through(paths, openly=True, skip_unreadable=skip_unreadable)
    relay = await find_relay()
    stream = client.subscribe()
    await connect(client, relay)
    await _serve(stream, await open_share.seed_at_relay(client, relay.url, found))


async def download(client: Client, magnet: str, output: Path) -> None:
    """Download a magnet's files into `output`, however long it takes to find a peer.

    What an earlier run left of them there is gone on with.

    Raises:
        FileSendError: It is no magnet link, or the torrent failed.
    """
    target = await asyncio.to_thread(check_folder, output)  # before peers are looked for
    stream = client.subscribe()
    torrent = await client.add(magnet, output=target)
    await client.tidy(output, but=torrent)
    async for event in stream:
        if isinstance(event, events.DownloadComplete):
            return
        _raise_if_fatal(event, torrent)


async def _serve(stream: Subscription, torrent: str) -> None:
    async for event in stream:
        _raise_if_fatal(event, torrent)


def _raise_if_fatal(event: events.Event, torrent: str) -> None:
    match event:
        case events.Error() if event.torrent == torrent and event.code not in _PASSING:
            raise raised(event)
        case events.TorrentDestroyed() if event.torrent == torrent:
            raise FileSendError("The torrent was given up.")
