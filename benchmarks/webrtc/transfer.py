"""The product: the same bytes as a file, from a Client that seeds to a Client that downloads."""

from __future__ import annotations

import time
from pathlib import Path

from filesend_tui.core import events as e
from filesend_tui.core.client import Client
from filesend_tui.core.config import ClientConfig


class TransferFailed(Exception):
    """The core reported an error, or ended its events early."""


class Seeder:
    """Seeds one file until it is closed."""

    def __init__(self) -> None:
        self._client = Client(ClientConfig(name="benchmark"))

    async def seed(self, path: str, tracker: str) -> str:
        """Hash and announce the file; return its magnet link."""
        stream = self._client.subscribe()
        await self._client.seed([Path(path)], trackers=[tracker])
        async for event in stream:
            if isinstance(event, e.Seeding):
                stream.close()
                return event.magnet_uri
            if isinstance(event, e.Error):
                raise TransferFailed(event.message)
        raise TransferFailed("the event stream ended")

    async def close(self) -> None:
        """Free everything."""
        await self._client.destroy()


class Downloader:
    """Downloads one torrent."""

    def __init__(self) -> None:
        self._client = Client(ClientConfig(name="benchmark"))

    async def download(self, magnet: str, output: str) -> dict[str, float | str]:
        """Return once the file is complete and in place.

        Returns:
            bytes and seconds: from the first figure of verified bytes to the last of them. wall:
            seconds from the command to the finished file. url: where it is.
        """
        stream = self._client.subscribe()
        begin = time.perf_counter()
        await self._client.add(magnet, output=Path(output))
        first: tuple[float, int] | None = None
        last: tuple[float, int] | None = None
        async for event in stream:
            now = time.perf_counter()
            match event:
                case e.Download(downloaded_bytes=count) if count:
                    first = first or (now, count)
                    if last is None or count > last[1]:
                        last = (now, count)
                case e.DownloadComplete(url=url, bytes=total):
                    stream.close()
                    if first is None or last is None or last[1] < total:
                        last = (now, total)
                    first = first or (begin, 0)
                    return {
                        "bytes": last[1] - first[1],
                        "seconds": last[0] - first[0],
                        "wall": now - begin,
                        "url": url,
                    }
                case e.Error(message=message):
                    raise TransferFailed(message)
        raise TransferFailed("the event stream ended")

    async def close(self) -> None:
        """Free everything."""
        await self._client.destroy()
