"""Two Clients whose relay is behind a proxy: all goes through it, unless a road is chosen."""

from __future__ import annotations

import asyncio
import random
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from filesend_tui.core import doctor
from filesend_tui.core import events as e
from filesend_tui.core.config import ClientConfig, RoadChoice, WebRtcStack
from filesend_tui.core.errors import ChannelFailed, FileSendError, RelayUnreachable
from filesend_tui.core.events import TransferPhase
from filesend_tui.core.relay_access import relays_of
from filesend_tui.core.relay_client.address import parse_relay_url
from filesend_tui.core.transports.registry import Transports
from filesend_tui.core.util.proxies import everything_by, of_environment
from relay.guard import hosts
from tests.conftest import RunningRelay
from tests.core.test_client import Person, yes
from tests.going_around import Use, noted
from tests.recording_proxy import FAR, RecordingProxy
from tests.torrent.lab import write_tree
from tests.util.test_tunnel import context  # noqa: F401  # a fixture

DATA = random.Random(5).randbytes(3_000_000)


@pytest.fixture
def far(relay: RunningRelay, monkeypatch: pytest.MonkeyPatch) -> str:
    """The relay's URL by a name that only the proxy knows."""
    monkeypatch.setattr(hosts, "_machine", lambda: FAR)
    return f"http://{FAR}:{port_of(relay.url)}"


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


@asynccontextmanager
async def pair(url: str, tmp_path: Path, **config: Any) -> AsyncIterator[tuple[Person, Person]]:
    ann, bob = (Person(name, tmp_path / name.lower(), **config) for name in ("Ann", "Bob"))
    try:
        await asyncio.gather(ann.client.connect(url), bob.client.connect(url))
        await bob.client.join(await ann.client.create_code())
        await ann.until(lambda: ann.of(e.Paired, partner="Bob"))
        yield ann, bob
    finally:
        await asyncio.gather(ann.close(), bob.close())


async def sent(ann: Person, bob: Person, tmp_path: Path) -> list[str]:
    """Send a file; return the roads that were taken, when it is there."""
    write_tree(tmp_path / "src", {"film.bin": DATA})
    transfer = await ann.client.request([tmp_path / "src" / "film.bin"])
    assert await yes(bob) == transfer
    assert await bob.ended(transfer) is TransferPhase.DONE
    assert await ann.ended(transfer) is TransferPhase.DONE
    assert (bob.output / "film.bin").read_bytes() == DATA
    return [event.road for event in bob.of(e.PeerConnected)]


def around(uses: list[Use], *ports: int) -> list[Use]:
    """What was not for one of these ports of this machine, by its address.

    Whether this machine still has an address is found out by a bind to it, which sends nothing.
    """
    allowed = {(host, port) for host in ("127.0.0.1", "localhost") for port in ports}
    return [
        use
        for use in uses
        if use.where not in allowed and use != Use("socket.bind", ("127.0.0.1", 0))
    ]


@pytest.mark.parametrize("scheme", ["http", "https", "socks5h"], ids=str)
async def test_all_goes_through_it(
    far: str,
    tmp_path: Path,
    scheme: str,
    context: ssl.SSLContext,  # noqa: F811
) -> None:
    tls = context if scheme == "https" else None
    async with RecordingProxy("ann:right", context=tls) as proxy:
        proxies = everything_by(proxy.url(scheme))
        with noted() as uses:
            async with pair(far, tmp_path, proxies=proxies) as (ann, bob):
                assert await sent(ann, bob, tmp_path) == ["relayed"]
        # What the proxy itself connects to is the relay.
        assert not around(uses, proxy.port, port_of(far))
        assert set(proxy.asked) == {(FAR, port_of(far))}
        # People, tracker and transit, of each.
        assert len(proxy.asked) >= 6
        assert proxy.carried > 2 * len(DATA)
        assert not proxy.denied


@pytest.mark.parametrize("road", [RoadChoice.DIRECT, RoadChoice.WEBRTC], ids=str)
async def test_a_road_that_was_chosen_goes_around_it(
    far: str, tmp_path: Path, road: RoadChoice
) -> None:
    async with RecordingProxy() as proxy:
        proxies = everything_by(proxy.url())
        with noted() as uses:
            # Python notes no socket of libdatachannel's.
            config = {"proxies": proxies, "road": road, "webrtc": WebRtcStack.AIORTC}
            async with pair(far, tmp_path, **config) as (ann, bob):
                assert road in await sent(ann, bob, tmp_path)
        assert around(uses, proxy.port, port_of(far)), "else the test above would prove nothing"
        assert proxy.carried < len(DATA)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no uvloop for Windows")
@pytest.mark.parametrize("scheme", ["http", "https", "socks5h"], ids=str)
def test_it_does_in_the_event_loop_of_the_faces(
    far: str,
    tmp_path: Path,
    scheme: str,
    context: ssl.SSLContext,  # noqa: F811
) -> None:
    import uvloop

    async def go() -> None:
        async with RecordingProxy(context=context if scheme == "https" else None) as proxy:
            proxies = everything_by(proxy.url(scheme))
            async with pair(far, tmp_path, proxies=proxies) as (ann, bob):
                assert await sent(ann, bob, tmp_path) == ["relayed"]
            assert proxy.carried > 2 * len(DATA)

    uvloop.run(go())


async def test_nobody_learns_an_address(tmp_path: Path) -> None:
    proxies = of_environment({"ALL_PROXY": "socks5h://127.0.0.1:9", "NO_PROXY": "lan.example"})
    config = ClientConfig(output=tmp_path, proxies=proxies)
    transports = Transports(config)
    names = {}
    there: list[str] = [""]
    sessions: Any = SimpleNamespace(place_of=lambda _: there[-1])
    roads = transports.by(relays_of(lambda: sessions, proxies)(None))
    assert not roads.relay.proxied, "nobody has named one yet"
    for url in ("https://relay.example", "http://lan.example", "http://127.0.0.1:8421"):
        there.append(url)
        names[url] = [each.name for each in roads.usable(private=True)]
    everything = ["direct", "webrtc", "relayed"]
    assert names == {
        "https://relay.example": ["relayed"],
        "http://lan.example": everything,
        "http://127.0.0.1:8421": everything,
    }
    await transports.close()


async def test_a_share_for_anybody_is_refused_unless_its_road_is_chosen(
    far: str, tmp_path: Path
) -> None:
    write_tree(tmp_path / "src", {"film.bin": b"x"})
    source, tracker = tmp_path / "src" / "film.bin", f"ws://{FAR}:{port_of(far)}/announce"
    async with RecordingProxy() as proxy:
        proxies = everything_by(proxy.url())
        ann = Person("Ann", tmp_path / "ann", proxies=proxies)
        with noted() as uses:
            with pytest.raises(ChannelFailed, match="would go around the proxy") as caught:
                await ann.client.seed([source], trackers=[tracker])
            assert "--road webrtc" in caught.value.hint
            with pytest.raises(ChannelFailed, match="would go around the proxy"):
                await ann.client.add(f"magnet:?xt=urn:btih:{'ab' * 20}&tr={tracker}")
        assert not uses
        beside = "ws://127.0.0.1:9/announce"  # no proxy leads there, and nobody is there
        torrent = await ann.client.add(f"magnet:?xt=urn:btih:{'ab' * 20}&tr={beside}")
        with pytest.raises(ChannelFailed, match="would go around the proxy"):
            ann.client._engine.add_tracker(torrent, tracker)
        await ann.close()
        assert not proxy.asked
        bob = Person("Bob", tmp_path / "bob", proxies=proxies, road=RoadChoice.WEBRTC)
        await bob.client.seed([source], trackers=[tracker])
        await bob.close()
        assert proxy.asked


async def test_a_proxy_that_goes_away_and_comes_back(far: str, tmp_path: Path) -> None:
    """The connection to the relay comes back through it, and never around it."""
    async with RecordingProxy() as proxy:
        port = proxy.port
        ann = Person("Ann", tmp_path, proxies=everything_by(proxy.url()))
        await ann.client.connect(far)
        assert len(proxy.asked) == 1
    await ann.until(lambda: ann.of(e.Relay, state="lost"))
    with noted() as uses, pytest.raises(RelayUnreachable, match=f"{port} cannot be used: nothing"):
        await ann.client.connect(far)
    assert uses
    assert not around(uses, port)
    async with RecordingProxy(listens_at=port) as proxy:
        await ann.until(lambda: ann.of(e.Relay, state="connected")[1:])
        assert len(proxy.asked) == 1
        await ann.close()


async def findings(far: str, tmp_path: Path, **config: Any) -> dict[str, doctor.Finding]:
    settings = ClientConfig(output=tmp_path, **config)
    return {each.name: each async for each in doctor.findings(parse_relay_url(far), settings)}


@pytest.mark.parametrize("scheme", ["http", "socks5h"], ids=str)
async def test_the_doctor_says_which_and_looks_at_nothing_around_it(
    far: str, tmp_path: Path, scheme: str
) -> None:
    async with RecordingProxy("ann:right") as proxy:
        proxies = everything_by(proxy.url(scheme))
        with noted() as uses:
            seen = await findings(far, tmp_path, proxies=proxies)
        expected = ["folder", "proxy", "relay", "clock", "people", "tracker", "transit"]
        assert list(seen) == expected
        assert f"by the proxy at 127.0.0.1:{proxy.port} ({scheme})" in seen["proxy"].message
        assert all(seen[name].ok for name in expected if name != "proxy")
        assert not around(uses, proxy.port, port_of(far))
        assert not any("right" in str(each) for each in seen.values())
        wrong = everything_by(proxy.url(scheme, "ann:wrong"))
        seen = await findings(far, tmp_path, proxies=wrong)
        assert list(seen) == ["folder", "proxy", "relay"]
        assert "does not accept this user name and password" in seen["relay"].message


async def test_the_doctor_looks_at_a_road_that_was_chosen(far: str, tmp_path: Path) -> None:
    async with RecordingProxy() as proxy:
        proxies = everything_by(proxy.url())
        seen = await findings(far, tmp_path, proxies=proxies, road=RoadChoice.DIRECT)
        assert {"udp", "tcp", "ipv6", "upnp"} <= set(seen)
        assert "dns" not in seen


async def test_a_password_is_in_no_log(
    far: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    said: list[str] = []
    async with RecordingProxy("ann:s3cret") as proxy:
        for scheme in ("http", "socks5h"):
            for login in ("ann:s3cret", "ann:s3cret-no"):
                ann = Person("Ann", tmp_path, proxies=everything_by(proxy.url(scheme, login)))
                try:
                    await ann.client.connect(far)
                except FileSendError as error:
                    said += [repr(error), error.hint]
                await ann.close()
        assert proxy.denied == 2
        assert len(proxy.asked) == 2
    for text in (caplog.text, *said):
        assert "s3cret" not in text
        assert "YW5uOnMzY3JldA" not in text  # base64 of ann:s3cret
