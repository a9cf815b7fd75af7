"""The TUI with thirty running transfers: `python -m benchmarks.stage`, in a terminal.

The app is the product's own; its Client is a fake that publishes the events of a real one, as
often: figures four times a second a transfer, pieces and peers once. So the process's cost is that
of drawing; no data is transferred in it.
"""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NoReturn

from filesend_tui.app import FileSendApp
from filesend_tui.core import events
from filesend_tui.core.choices import ARRIVING, Arriving, Stood
from filesend_tui.core.event_stream import EventStream, Subscription
from filesend_tui.core.events import Direction, FileEntry, PeerEntry, SessionId, TransferPhase
from filesend_tui.core.torrent.sources.create import Found
from filesend_tui.core.torrent.storage.arrival.existing import Existing
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.util.figures import rate_text, size_text
from filesend_tui.runtime.client_api import ClientApi
from filesend_tui.runtime.local_relay import Ask

TRANSFERS = 30
_SIZE = 4_000_000_000
_PIECES = 1000
_PERIOD = 0.25
_RATE = 3_000_000.0
_PARTNER = "Partner"


class MovingClient:
    """A fake ClientApi whose transfers all progress, and whose commands do nothing."""

    def __init__(self) -> None:
        self._stream = EventStream()
        self._moving: asyncio.Task[None] | None = None

    def subscribe(self) -> Subscription:
        """Return a reader of the fake events."""
        return self._stream.subscribe()

    async def connect(
        self,
        relay_url: str,
        *,
        again: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        """Publish that it is connected and paired, and start all transfers."""
        self._stream.publish(events.Relay(state="connected", url=relay_url))
        self._stream.publish(events.Paired(partner=_PARTNER))
        self._moving = asyncio.create_task(self._move())

    async def connect_to_tracker(
        self, url: str, *, again: Callable[[], Awaitable[bool]] | None = None
    ) -> None:
        """Do nothing."""

    async def disconnect(self, url: str) -> None:
        """Do nothing."""

    def expect_places(self, seconds: float) -> None:
        """Do nothing."""

    def expect_return(self, url: str, seconds: float) -> None:
        """Do nothing."""

    def expect_people(self, url: str, seconds: float) -> None:
        """Do nothing."""

    @property
    def places(self) -> Sequence[str]:
        """None: nobody asks."""
        return ()

    async def contacts(self) -> Sequence[events.Contact]:
        """Return nobody."""
        return ()

    async def rename_contact(self, contact: str, name: str) -> events.Contact:
        """There is none."""
        raise KeyError(contact)

    async def allow_contact(self, contact: str, allowance: object) -> NoReturn:
        """Do nothing."""
        raise NotImplementedError

    async def forget_contact(self, contact: str) -> bool:
        """There is none."""
        return False

    def wait_for_contacts(self, contacts: Collection[str] | None) -> None:
        """Do nothing."""

    async def call(self, contact: str) -> SessionId:
        """There is none."""
        raise KeyError(contact)

    async def is_online(self, contact: str, seconds: float) -> bool:
        """There is none."""
        return False

    async def look_through(
        self, paths: Collection[Path], *, skip_unreadable: bool = False
    ) -> Found:
        """Nobody asks several people."""
        raise NotImplementedError

    def new_group(self, size: int) -> events.GroupId:
        """Nobody asks several people."""
        raise NotImplementedError

    async def create_code(self) -> str:
        """Return no code."""
        return ""

    async def join(self, code: str) -> SessionId:
        """Return no session."""
        return SessionId("")

    async def open_link(self, secret: bytes, at: str) -> SessionId:
        """Return no session."""
        return SessionId("")

    async def leave(self, to: SessionId | None = None) -> None:
        """Do nothing."""

    async def remember(self, to: SessionId | None = None) -> None:
        """Do nothing."""

    async def decline_remembering(self, to: SessionId | None = None) -> None:
        """Do nothing."""

    def verification(self, to: SessionId | None = None) -> str | None:
        """Return no words."""
        return None

    async def tidy(self, folder: Path) -> None:
        """Do nothing."""

    async def request(
        self,
        paths: Collection[Path] | Found,
        *,
        skip_unreadable: bool = False,
        to: SessionId | None = None,
        group: events.GroupId | None = None,
    ) -> str:
        """Do nothing."""
        return ""

    async def answer(
        self,
        transfer: str,
        accepted: Sequence[bool],
        *,
        output: Path | Target | None = None,
        reason: str = "",
        replace: Sequence[Stood] = (),
    ) -> None:
        """Do nothing."""

    async def cancel(self, transfer: str) -> None:
        """Do nothing."""

    async def pause(self, transfer: str, files: Collection[int] | None = None) -> None:
        """Do nothing."""

    async def go_on(self, transfer: str, files: Collection[int] | None = None) -> None:
        """Do nothing."""

    async def existing(
        self, transfer: str, *, output: Path | Target | None = None
    ) -> Sequence[Existing]:
        """Find nothing."""
        return ()

    @property
    def arriving(self) -> Arriving:
        """Put everything beside what is there."""
        return ARRIVING

    async def ask_again(self, transfer: str) -> None:
        """Do nothing."""

    async def move(self, transfer: str, by: int) -> None:
        """Do nothing."""

    async def seed(
        self,
        paths: Collection[Path] | Found,
        *,
        trackers: Sequence[str],
        skip_unreadable: bool = False,
    ) -> str:
        """Do nothing."""
        return ""

    async def remove(self, torrent: str) -> None:
        """Do nothing."""

    async def say(self, text: str, to: SessionId | None = None) -> None:
        """Do nothing."""

    async def history(self, limit: int) -> Sequence[events.History]:
        """Return nothing."""
        return ()

    async def clear_history(self) -> int | None:
        """Do nothing."""
        return None

    async def unfinished(self) -> Sequence[events.Unfinished]:
        """Return nothing."""
        return ()

    async def resume(self, session: SessionId, transfer: str) -> bool:
        """Do nothing."""
        return False

    async def forget(self, session: SessionId, transfer: str) -> bool:
        """Do nothing."""
        return False

    def rename(self, name: str) -> None:
        """Do nothing."""

    def limit(self, *, upload: int | None, download: int | None) -> None:
        """Do nothing."""

    @property
    def limits(self) -> tuple[int | None, int | None]:
        """Return that there are none."""
        return None, None

    async def destroy(self, *, keep: bool = False) -> None:
        """End the events."""
        if self._moving is not None:
            self._moving.cancel()
        self._stream.close()

    async def _move(self) -> None:
        for number in range(TRANSFERS):
            for event in _beginning(number):
                self._stream.publish(event)
        clock = asyncio.get_running_loop().time
        began, tick = clock(), 0
        while True:
            for number in range(TRANSFERS):
                for event in _figures(number, tick):
                    self._stream.publish(event)
            tick += 1
            await asyncio.sleep(began + tick * _PERIOD - clock())


def _direction(number: int) -> Direction:
    return Direction.RECEIVE if number % 2 else Direction.SEND


def _transfer(number: int) -> str:
    return f"{number:016x}"


def _beginning(number: int) -> list[events.Event]:
    transfer, direction = _transfer(number), _direction(number)
    return [
        events.FileRequest(
            transfer=transfer,
            direction=direction,
            partner=_PARTNER,
            files=(FileEntry(path=f"film {number}.mp4", size=_SIZE),),
            total_bytes=_SIZE,
        ),
        *(
            events.TransferState(transfer=transfer, direction=direction, phase=phase)
            for phase in (
                TransferPhase.ASKED,
                TransferPhase.APPROVED,
                TransferPhase.READY,
                TransferPhase.TRANSFERRING,
            )
        ),
    ]


def _figures(number: int, tick: int) -> list[events.Event]:
    transfer, torrent = _transfer(number), f"{number:040x}"
    receiving = _direction(number) is Direction.RECEIVE
    seconds = tick * _PERIOD
    done = int(_RATE * seconds) + number * _SIZE // TRANSFERS // 2
    rate = _RATE * (1 + 0.2 * math.sin(seconds + number))
    progress = done / _SIZE
    received: dict[str, Any] = {
        "downloaded": size_text(done),
        "download_speed": rate_text(rate),
        "progress": progress,
        "downloaded_bytes": done,
        "download_bytes_per_second": rate,
        "time_remaining": (_SIZE - done) / rate,
    }
    said: list[events.Event] = []
    if receiving:
        said.append(events.Download(torrent=torrent, transfer=transfer, **received))
    else:
        said += [
            events.Upload(
                torrent=torrent,
                transfer=transfer,
                uploaded=size_text(done),
                upload_speed=rate_text(rate),
                uploaded_bytes=done,
                upload_bytes_per_second=rate,
            ),
            events.ProgressUpdate(transfer=transfer, **received),
        ]
    if tick % round(1 / _PERIOD) == number % round(1 / _PERIOD):
        have = int(_PIECES * progress)
        said.append(
            events.SwarmState(
                torrent=torrent,
                transfer=transfer,
                piece_count=_PIECES,
                piece_length=_SIZE // _PIECES,
                pieces=((1 << have) - 1 << (_PIECES - have)).to_bytes(_PIECES // 8)
                if receiving
                else b"\xff" * (_PIECES // 8),
                peers=(
                    PeerEntry(
                        address="192.0.2.7:51413",
                        client="FileSend",
                        road="direct",
                        progress=1.0 if receiving else progress,
                        download_bytes_per_second=rate if receiving else 0.0,
                        upload_bytes_per_second=0.0 if receiving else rate,
                    ),
                ),
                file_progress=(progress if receiving else 1.0,),
            )
        )
    return said


class _Places:
    """One relay, which is there at once."""

    main = "http://127.0.0.1:9"
    is_wide = False

    def __init__(self) -> None:
        self.told: Callable[[], None] = lambda: None

    def where(self) -> str:
        return "on this machine"

    def command(self, code: str) -> str:
        return code

    def look_for_page(self) -> None:
        pass

    def link(self, _: str) -> str:
        return ""

    async def open(self, client: ClientApi, _: Ask) -> None:
        await client.connect(self.main)

    async def narrow(self) -> None:
        pass

    async def close(self) -> None:
        pass


def main() -> None:
    """Run the app."""
    with tempfile.TemporaryDirectory() as folder:
        FileSendApp(MovingClient, places=_Places(), output=Path(folder), start=Path(folder)).run()


if __name__ == "__main__":
    main()
