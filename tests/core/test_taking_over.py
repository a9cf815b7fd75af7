"""A better road takes the place of the relayed one, and that of one that died, in mid-transfer.

Two real clients, a real relay and its transit. Whether one reaches the other directly is decided
by the tests.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.config import RoadChoice
from filesend_tui.core.events import TransferPhase
from filesend_tui.core.transports import registry
from filesend_tui.core.transports.direct import road
from filesend_tui.core.transports.direct.offer import Endpoint
from filesend_tui.core.transports.relayed import transport
from tests.conftest import RunningRelay
from tests.core.test_client import BIG, SLOW, Person, pair, yes
from tests.torrent.lab import read_tree, write_tree

pytestmark = pytest.mark.webrtc

#: What is asked for and not yet there when a connection ends: on its way, and in buffers.
IN_FLIGHT = 4_000_000


class Gate:
    """What is between the two machines: lets direct connections through, or none."""

    def __init__(self, connect: Callable[[Endpoint], Awaitable[socket.socket]]) -> None:
        self._connect = connect
        self._sockets: list[socket.socket] = []
        self.open = True

    async def connect(self, endpoint: Endpoint) -> socket.socket:
        if not self.open:
            raise OSError("filtered")
        self._sockets.append(sock := await self._connect(endpoint))
        return sock

    def cut(self) -> None:
        """Let nothing through from now on, and end what there is."""
        self.open = False
        for sock in self._sockets:
            with suppress(OSError):  # those that were not chosen are closed
                sock.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    made = Gate(road._connect)
    monkeypatch.setattr(road, "_connect", made.connect)
    monkeypatch.setattr(transport, "HEAD_START", 1.0)
    # WebRTC would get through on one machine.
    kinds = {name: make for name, make in registry.KINDS.items() if name != "webrtc"}
    monkeypatch.setattr(registry, "KINDS", kinds)
    return made


def roads(person: Person) -> list[str]:
    return [met.road for met in person.of(e.PeerConnected)]


def sent(person: Person) -> int:
    return max(upload.uploaded_bytes for upload in person.of(e.Upload))


async def test_relayed_first_and_then_directly(
    relay: RunningRelay, tmp_path: Path, gate: Gate
) -> None:
    write_tree(tmp_path, {"src/big.bin": BIG})
    gate.open = False
    async with pair(relay, tmp_path, upload_limit=SLOW) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src/big.bin"])
        await yes(bob)
        await bob.until(lambda: [d for d in bob.of(e.Download) if d.downloaded_bytes])
        assert roads(ann) == roads(bob) == ["relayed"]
        gate.open = True
        for person in (ann, bob):
            await person.until(partial(person.of, e.PeerConnected, road="direct"))
            await person.until(partial(person.of, e.PeerDropped, reason="replaced"))
        for person in (ann, bob):
            assert await person.ended(transfer) is TransferPhase.DONE
            assert roads(person) == ["relayed", "direct"]
            assert not person.of(e.Error)
        (complete,) = bob.of(e.DownloadComplete)
        assert complete.road == "direct"
        assert sent(ann) <= len(BIG) + IN_FLIGHT
    assert read_tree(tmp_path / "bob") == {"big.bin": BIG}


async def test_the_next_road_where_one_dies(
    relay: RunningRelay, tmp_path: Path, gate: Gate
) -> None:
    write_tree(tmp_path, {"src/big.bin": BIG})
    async with pair(relay, tmp_path, upload_limit=SLOW) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src/big.bin"])
        await yes(bob)
        await bob.until(lambda: [d for d in bob.of(e.Download) if d.downloaded_bytes])
        assert roads(ann) == roads(bob) == ["direct"]
        gate.cut()
        for person in (ann, bob):
            assert await person.ended(transfer) is TransferPhase.DONE
            assert roads(person)[:2] == ["direct", "relayed"]
            assert not person.of(e.Error)
        assert sent(ann) <= len(BIG) + IN_FLIGHT
    assert read_tree(tmp_path / "bob") == {"big.bin": BIG}


async def test_nothing_takes_the_place_of_a_good_road(
    relay: RunningRelay, tmp_path: Path, gate: Gate
) -> None:
    """No pipe is opened where the direct road stands."""
    write_tree(tmp_path, {"src/big.bin": BIG})
    async with pair(relay, tmp_path, upload_limit=SLOW) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src/big.bin"])
        await yes(bob)
        for person in (ann, bob):
            assert await person.ended(transfer) is TransferPhase.DONE
            assert roads(person) == ["direct"]
    figures = relay.server._app._metrics.render().decode()
    assert "filesend_relay_transit_pipes_total 0.0" in figures
    assert gate.open


async def test_where_only_the_relay_gets_through(relay: RunningRelay, tmp_path: Path) -> None:
    write_tree(tmp_path, {"src/big.bin": BIG})
    async with pair(relay, tmp_path, road=RoadChoice.RELAYED) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src/big.bin"])
        await yes(bob)
        for person in (ann, bob):
            assert await person.ended(transfer) is TransferPhase.DONE
            assert roads(person) == ["relayed"]
    assert read_tree(tmp_path / "bob") == {"big.bin": BIG}
