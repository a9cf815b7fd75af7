from __future__ import annotations

import asyncio
import contextlib
import json
import urllib.error
import urllib.request
from importlib.metadata import version

import pytest
import websockets
from prometheus_client.parser import text_string_to_metric_families

from relay.app import _end
from tests.conftest import RunningRelay, running_relay
from tests.relay.conftest import Connect, pair
from tests.security.raw import town


async def get(url: str) -> tuple[int, str, str]:
    def blocking() -> tuple[int, str, str]:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status, response.headers["content-type"], response.read().decode()

    return await asyncio.to_thread(blocking)


async def figures(url: str) -> dict[str, float]:
    status, kind, text = await get(f"{url}/metrics")
    assert status == 200
    assert kind.startswith("text/plain")
    return {
        sample.name.removeprefix("filesend_relay_") + "".join(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_health(relay: RunningRelay):
    status, kind, text = await get(f"{relay.url}/healthz")
    assert (status, kind) == (200, "application/json")
    assert json.loads(text) == {"service": "filesend-relay", "version": version("filesend-tui")}


@pytest.mark.parametrize("path", ["/nothing", "/announce"])
async def test_other_paths_are_not_found(relay: RunningRelay, path: str):
    with pytest.raises(urllib.error.HTTPError, match="404"):
        await get(relay.url + path)


async def test_figures_follow_what_happens(relay: RunningRelay, connect: Connect):
    before = await figures(relay.url)
    gauges = ("people", "nameplates", "pairs")
    assert [before[name] for name in gauges] == [0, 0, 0]
    one, other, third = [await connect(relay.url) for _ in range(3)]
    room = await pair(one, other)
    await third.allocate()
    await one.call("message", {"room": room, "body": "A" * 40})
    await one.call("message", {"room": room, "body": ""})
    after = await figures(relay.url)
    assert [after[name] for name in gauges] == [3, 1, 1]
    assert after["routed_words_totalmessage"] == 1
    assert after["refused_words_totalinvalidPayload"] == 1


async def test_the_trackers_figures(relay: RunningRelay):
    async with (
        websockets.connect(relay.tracker) as one,
        websockets.connect(relay.tracker) as two,
    ):
        for socket, peer in ((one, "a"), (two, "b")):
            offers = [{"offer_id": "o" * 20, "offer": {"type": "offer", "sdp": ""}}]
            frame = {"action": "announce", "info_hash": "s" * 20, "peer_id": peer * 20}
            await socket.send(json.dumps(frame | {"offers": offers}))
            await socket.recv()
        await one.send("nonsense")
        await one.recv()  # the offer
        await one.recv()  # the failure
        after = await figures(relay.url)
    tracker = ("tracker_sockets", "tracker_swarms", "tracker_peers", "tracker_offers_total")
    assert [after[name] for name in tracker] == [2, 1, 2, 1]
    assert after["rejected_frames_totalinvalid"] == 1


async def test_two_relays_in_one_process_share_nothing(relay: RunningRelay, connect: Connect):
    with running_relay() as other:
        person = await connect(relay.url)
        await person.allocate()
        assert (await figures(other.url))["people"] == 0
        assert (await figures(relay.url))["people"] == 1


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/nothing"])
async def test_under_another_name_a_relay_on_loopback_says_what_to_do(
    relay: RunningRelay, path: str
):
    async with town(relay.url) as here:
        raw = await here.connect()
        raw.host = "evil.example:8421"
        status, body = await raw.request(path)
        assert status == 421
        assert b"--trusted-proxy" in body


@pytest.mark.parametrize("path", ["/announce", "/socket.io/?EIO=4&transport=websocket"])
async def test_under_another_name_no_socket_is_made(relay: RunningRelay, path: str):
    async with town(relay.url) as here:
        raw = await here.connect()
        raw.host = "evil.example"
        assert await raw.upgrade(path) == 421


async def test_behind_a_trusted_proxy_a_relay_has_any_name():
    with running_relay(trusted_proxies=["127.0.0.1"]) as relay:
        async with town(relay.url) as here:
            raw = await here.connect("192.0.2.1")
            raw.host = "relay.example"
            assert (await raw.request("/healthz"))[0] == 200


@pytest.mark.parametrize(
    ("proxied", "trusted", "metrics_to", "status"),
    [
        (None, [], ["127.0.0.0/8"], 200),
        (None, [], [], 404),
        (None, [], ["192.0.2.0/24"], 404),
        ("192.0.2.1", ["127.0.0.1"], ["127.0.0.0/8"], 404),
        ("192.0.2.1", ["127.0.0.1"], ["192.0.2.0/24"], 200),
        ("192.0.2.1, 127.0.0.1", ["127.0.0.1"], ["127.0.0.0/8"], 404),
        # A proxy that nobody named: it speaks from loopback for whomever it likes.
        ("192.0.2.1", [], ["127.0.0.0/8"], 404),
        ("127.0.0.1", [], ["127.0.0.0/8"], 404),
    ],
)
async def test_figures_are_for_those_who_were_named(
    proxied: str | None, trusted: list[str], metrics_to: list[str], status: int
):
    with running_relay(trusted_proxies=trusted, metrics_to=metrics_to) as relay:
        async with town(relay.url) as here:
            raw = await here.connect(proxied)
            assert (await raw.request("/metrics"))[0] == status
            raw = await here.connect(proxied)
            assert (await raw.request("/healthz"))[0] == 200


async def test_a_task_that_takes_its_cancellation_for_something_else_ends_all_the_same() -> None:
    async def stubborn() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        await asyncio.sleep(3600)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await asyncio.wait_for(_end([task]), 10)
    assert task.cancelled()
