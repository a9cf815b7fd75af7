"""What strangers do to a relay to have its memory, its time or its place: real sockets each.

Bounds are small here; the real ones are in guard/limits.py. `NEAR` comes by way of a trusted proxy
and is somebody else than who attacks: whatever happens, it is served.
"""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from typing import Any

import msgspec
import psutil
import pytest

from relay.guard.limits import Limits, Rate
from tests.conftest import RunningRelay, running_relay
from tests.security.raw import MORE, PING, TEXT, Town, announce, frame, town

PROXY = ("127.0.0.1",)
FAR, NEAR = "192.0.2.1", "192.0.2.2"

SESSION = "/socket.io/?EIO=4&transport=websocket"

#: Of everything enough but time.
HASTY = Limits(
    sweep_every=0.05,
    head_seconds=0.3,
    message_seconds=0.3,
    arrival_seconds=0.3,
    tracker_idle=0.3,
    swarm_sweep_every=0.05,
)
#: Time enough for everything but what is swept.
SWIFT = Limits(sweep_every=0.05, swarm_sweep_every=0.05)


def with_limits(base: Limits = SWIFT, **changes: Any) -> Limits:
    return msgspec.structs.replace(base, **changes)


async def serves(here: Town, proxied: str | None = None) -> None:
    """Somebody else is served: a person, and a peer."""
    status, body = await (await here.connect(proxied)).request("/healthz")
    assert (status, json.loads(body)["service"]) == (200, "filesend-relay")
    person = await here.person(proxied)
    await person.send(frame(TEXT, b'421["allocate",{}]'))
    assert b'"nameplate"' in await person.hear()
    peer = await here.tracker(proxied)
    await peer.send(frame(TEXT, announce("near", "near")))
    assert b'"interval"' in await peer.hear()


# --- what never comes to an end ----------------------------------------------------------------


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"\r\n",
        b"G",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
        b"POST /socket.io/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n42",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n42\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /he",
    ],
)
async def test_a_request_that_is_never_finished(beginning: bytes):
    with running_relay(HASTY) as relay:
        async with town(relay.url) as here:
            slow = await here.connect()
            await slow.send(beginning)
            await slow.ended()
            await serves(here)


async def test_a_request_that_comes_a_byte_at_a_time_has_no_more_time_for_it():
    with running_relay(HASTY) as relay:
        async with town(relay.url) as here:
            slow = await here.connect()

            async def dribble() -> None:
                while True:
                    await slow.send(b"x")
                    await asyncio.sleep(0.02)

            dribbling = asyncio.create_task(dribble())
            await slow.ended()
            dribbling.cancel()


#: All that Engine.IO's long-polling, its JSONP and its upgrades ask for.
POLLING = "/socket.io/?EIO=4&transport=polling"


@pytest.mark.parametrize(
    "request_line",
    [
        f"GET {POLLING}",
        f"GET {POLLING}&j=0",
        f"GET {POLLING}&sid=x",
        f"POST {POLLING}&sid=x",
        f"POST {POLLING}&j=0&sid=x",
        "POST /socket.io/?EIO=4&transport=websocket",
        "GET /socket.io/?EIO=4&transport=websocket",
        "GET /socket.io/",
        "GET /socket.io",
        "GET /socket.io/?" + "&".join(["a=1"] * 1_000),
        f"OPTIONS {POLLING}",
        f"DELETE {POLLING}",
    ],
)
@pytest.mark.parametrize("body", ["", "Content-Length: 4000000", "Transfer-Encoding: chunked"])
async def test_polling_is_refused_at_once_in_a_few_bytes(
    relay: RunningRelay, request_line: str, body: str
):
    async with town(relay.url) as here:
        raw = await here.connect()
        head = f"{request_line} HTTP/1.1\r\nHost: localhost\r\n"
        await raw.send(f"{head}{body}\r\n\r\n".encode() if body else f"{head}\r\n".encode())
        answer = await raw.everything()
        assert answer.startswith(b"HTTP/1.1 400 ")
        if request_line.startswith("GET") and not body:
            assert answer.endswith(b'{"code":0,"message":"Transport unknown"}')
        assert len(answer) < 300
        assert (await here.figures())["people"] == 0


@pytest.mark.parametrize("asked", ["transport=websocket&sid=x", "transport=polling", ""])
async def test_a_socket_that_upgrades_a_session_is_refused(relay: RunningRelay, asked: str):
    async with town(relay.url) as here:
        assert await (await here.connect()).upgrade(f"/socket.io/?EIO=4&{asked}") == 400


@pytest.mark.parametrize("path", ["/announce", SESSION])
@pytest.mark.parametrize(
    "beginning",
    [b"\x81", frame(TEXT, b"x" * 100_000)[:-1], frame(TEXT, b"4", fin=False)],
    ids=["head", "frame", "fragment"],
)
async def test_a_message_that_is_never_finished(path: str, beginning: bytes):
    with running_relay(with_limits(HASTY, tracker_idle=30, arrival_seconds=30)) as relay:
        async with town(relay.url) as here:
            slow = await here.connect()
            assert await slow.upgrade(path) == 101
            await slow.send(beginning)
            await slow.ended()
            assert (await here.figures())['rejected_frames_total{kind="late"}'] == 1


async def test_a_frame_a_byte_at_a_time_is_understood_when_it_is_whole():
    with running_relay() as relay:
        async with town(relay.url) as here:
            peer = await here.tracker()
            for byte in frame(TEXT, announce("slow")):
                await peer.send(bytes([byte]))
            assert b'"interval"' in await peer.hear()


async def test_sockets_that_say_nothing():
    """Neither a session of which no person comes, nor one that a person left, nor an idle peer."""
    with running_relay(with_limits(HASTY, head_seconds=30)) as relay:
        async with town(relay.url) as here:
            member, person = await here.tracker(), await here.person()
            await member.send(frame(TEXT, announce("member")))
            await member.hear()
            left = await here.person()
            await left.send(frame(TEXT, b"41"))
            for silent in (await here.tracker(), await here.session(), left):
                await silent.ended()
            await here.until("connections", 3)
            figures = await here.figures()
            assert [figures[name] for name in ("tracker_peers", "people")] == [1, 1]
            await person.send(frame(TEXT, b'421["allocate",{}]'))
            assert b'"nameplate"' in await person.hear()


async def session_status(here: Town, proxied: str | None = None) -> int:
    return await (await here.connect(proxied)).upgrade(SESSION)


async def test_sessions_of_which_nobody_comes_are_forgotten():
    with running_relay(with_limits(HASTY, arrival_seconds=1, max_address_people=3)) as relay:
        async with town(relay.url) as here:
            statuses = [await session_status(here) for _ in range(4)]
            assert statuses == [101, 101, 101, 503]
            async with asyncio.timeout(20):
                while await session_status(here) != 101:
                    await asyncio.sleep(0.05)


# --- too much at once --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "flood",
    [frame(PING, b""), frame(MORE, b"", fin=False), frame(TEXT, b"6"), frame(10, b"x")],
    ids=["pings", "fragments of nothing", "short frames", "pongs"],
)
@pytest.mark.parametrize("which", ["socket_frames", "address_frames"])
async def test_too_many_frames(flood: bytes, which: str):
    with running_relay(with_limits(SWIFT, **{which: Rate(100, 1)}), PROXY) as relay:
        async with town(relay.url) as here:
            loud = await here.tracker(FAR)
            if flood == frame(MORE, b"", fin=False):
                await loud.send(frame(TEXT, b"", fin=False))
            reading = asyncio.create_task(loud.ended())
            await loud.flood(flood * 500)
            await reading
            await serves(here, NEAR)
            assert (await here.figures())['rejected_frames_total{kind="frames"}'] == 1


@pytest.mark.parametrize("which", ["socket_bytes", "address_bytes"])
@pytest.mark.parametrize("path", ["/announce", SESSION])
async def test_too_many_bytes(which: str, path: str):
    with running_relay(with_limits(SWIFT, **{which: Rate(200_000, 1)}), PROXY) as relay:
        async with town(relay.url) as here:
            loud = await here.connect(FAR)
            assert await loud.upgrade(path) == 101
            await loud.flood(frame(TEXT, b"4" * 5_000))
            await serves(here, NEAR)


async def test_bytes_of_all_sockets_of_an_address_count_together():
    with running_relay(with_limits(address_bytes=Rate(30_000, 0))) as relay:
        async with town(relay.url) as here:
            one, other = await here.tracker(), await here.tracker()
            await one.send(frame(TEXT, b"x" * 20_000))
            assert b"failure" in await one.hear()
            await other.send(frame(TEXT, b"x" * 20_000))
            await other.ended()


async def test_too_many_requests():
    with running_relay(with_limits(address_requests=Rate(3, 0)), PROXY) as relay:
        async with town(relay.url) as here:
            statuses = [(await (await here.connect(FAR)).request("/healthz"))[0] for _ in range(4)]
            assert statuses == [200, 200, 200, 429]
            assert await session_status(here, FAR) == 429
            assert await (await here.connect(FAR)).upgrade("/announce") == 429
            assert (await (await here.connect(NEAR)).request("/healthz"))[0] == 200


# --- what is not read --------------------------------------------------------------------------


async def test_answers_that_are_not_read():
    """What waits for who asks counts as much as what waits for a partner."""
    limits = with_limits(
        max_backlog=50_000,
        message_seconds=1,
        socket_frames=Rate(1e6, 0),
        address_frames=Rate(1e6, 0),
        words=Rate(1e6, 0),
    )
    with running_relay(limits, PROXY) as relay:
        async with town(relay.url) as here:
            deaf = await here.person(FAR, buffer=4096)
            deaf.stop_reading()
            await deaf.flood(frame(TEXT, b'421["release",{}]') * 100)
            await here.until("people", 0)
            await serves(here, NEAR)


async def test_pongs_that_are_not_read():
    limits = with_limits(
        socket_frames=Rate(1e6, 0), address_frames=Rate(1e6, 0), socket_bytes=Rate(6_000_000, 0)
    )
    with running_relay(limits) as relay:
        async with town(relay.url) as here:
            deaf = await here.tracker(buffer=4096)
            deaf.stop_reading()
            guard = relay.server._app.guard
            most = 0

            async def look() -> None:
                nonlocal most
                while True:
                    most = max(
                        most, sum(connection.held() for connection in list(guard._connections))
                    )
                    await asyncio.sleep(0.01)

            looking = asyncio.create_task(look())
            await deaf.flood(frame(PING, b"x" * 125) * 100)
            looking.cancel()
            assert 0 < most < 500_000


async def test_offers_that_are_not_read():
    with running_relay(with_limits(max_tracker_backlog=100_000)) as relay:
        async with town(relay.url) as here:
            deaf, busy = await here.tracker(buffer=4096), await here.tracker()
            await deaf.send(frame(TEXT, announce("deaf")))
            await deaf.hear()
            deaf.stop_reading()
            offer = {"offer_id": "o".ljust(20), "offer": {"type": "offer", "sdp": "x" * 30_000}}
            async with asyncio.timeout(20):
                while True:
                    await busy.send(frame(TEXT, announce("busy", offers=[offer])))
                    if b'"incomplete":1' in await busy.hear():
                        break


async def test_a_closed_socket_that_reads_nothing_is_not_kept():
    """Its last bytes would wait for ever, and it with them."""
    plenty = Rate(1e6, 0)
    limits = with_limits(
        HASTY,
        max_tracker_backlog=100_000,
        message_seconds=30,
        tracker_idle=30,
        socket_frames=plenty,
        address_frames=plenty,
        tracker_frames=plenty,
    )
    with running_relay(limits) as relay:
        async with town(relay.url) as here:
            deaf = await here.tracker(buffer=4096)
            deaf.stop_reading()
            swarms = [str(number).ljust(20) for number in range(60)]
            scrape = json.dumps({"action": "scrape", "info_hash": swarms}).encode()
            asking = asyncio.create_task(deaf.flood(frame(TEXT, scrape) * 100))
            await here.until("tracker_sockets", 0)
            await here.until("connections", 1)
            await asking


# --- too many ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["idle", "tracker", "session"])
async def test_too_many_connections_of_one_address(kind: str):
    """Through a proxy, where a socket is somebody's once it says so; then without one."""
    if kind == "idle":
        with running_relay(with_limits(max_address_connections=3)) as relay:
            async with town(relay.url) as here:
                for _ in range(3):
                    first = await here.connect()
                await (await here.connect()).ended()
                first.abort()
                async with asyncio.timeout(20):
                    while True:
                        try:
                            await (await here.connect()).request("/healthz")
                            return
                        except (OSError, asyncio.IncompleteReadError):
                            await asyncio.sleep(0.02)
    with running_relay(with_limits(max_address_connections=3), PROXY) as relay:
        async with town(relay.url) as here:
            open_one = getattr(here, kind)
            for _ in range(3):
                await open_one(FAR)
            with pytest.raises((OSError, asyncio.IncompleteReadError)):
                await open_one(FAR)
            await open_one(NEAR)


async def test_too_many_connections_of_all():
    with running_relay(with_limits(max_connections=2)) as relay:
        async with town(relay.url) as here:
            one = await here.tracker()
            await here.tracker()
            await (await here.connect()).ended()
            one.abort()
            async with asyncio.timeout(20):
                while True:
                    try:
                        await here.tracker()
                        return
                    except (OSError, asyncio.IncompleteReadError):
                        await asyncio.sleep(0.02)


async def test_too_many_people_of_one_address():
    with running_relay(with_limits(max_address_people=2), PROXY) as relay:
        async with town(relay.url) as here:
            one, _ = await here.person(FAR), await here.person(FAR)
            assert await session_status(here, FAR) == 503
            assert await session_status(here, NEAR) == 101
            one.abort()
            async with asyncio.timeout(20):
                while await session_status(here, FAR) != 101:
                    await asyncio.sleep(0.02)


async def test_what_an_address_holds_in_memory():
    """The largest holders go, and as few as need be."""
    with running_relay(with_limits(max_address_held=250_000), PROXY) as relay:
        async with town(relay.url) as here:
            held = [await here.tracker(FAR) for _ in range(3)]
            other = await here.tracker(NEAR)
            for raw, size in zip([*held, other], (60_000, 240_000, 60_000, 240_000), strict=True):
                await raw.send(frame(TEXT, b"x" * (size + 1))[:-1])
            await held[1].ended()
            for raw in (held[0], held[2], other):
                await raw.send(b"x")
                assert b"failure" in await raw.hear()


async def test_what_all_hold_in_memory():
    with running_relay(with_limits(max_held=250_000), PROXY) as relay:
        async with town(relay.url) as here:
            far, near = await here.tracker(FAR), await here.tracker(NEAR)
            await near.send(frame(TEXT, b"x" * 100_000)[:-1])
            await far.send(frame(TEXT, b"x" * 200_000)[:-1])
            await far.ended()
            await near.send(b"x")
            assert b"failure" in await near.hear()


@pytest.mark.skipif(sys.platform != "linux", reason="asks the system for a process's memory")
async def test_memory_under_attack_as_shipped():
    """200 messages of 4 MB, none finished, at a relay with its real bounds."""
    relay = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "relay", "--port", "0", stdout=PIPE
    )
    try:
        assert relay.stdout is not None
        url = (await relay.stdout.readline()).decode().split()[-1]
        process = psutil.Process(relay.pid)
        soft, _ = process.rlimit(psutil.RLIMIT_NOFILE)
        assert soft > 1024 or soft == process.rlimit(psutil.RLIMIT_NOFILE)[1]
        before = most = process.memory_info().rss
        async with town(url) as here:
            ending = []
            for _ in range(200):
                raw = await here.tracker()
                # A message may fit into the buffers of sockets: sending it fails at no time then.
                ending.append(asyncio.create_task(raw.ended()))
                try:
                    await raw.send(frame(TEXT, b"x" * 4_000_000)[:-1])
                except OSError:
                    break
                most = max(most, process.memory_info().rss)
            minded, others = await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
            assert any(task.exception() is None for task in minded), "nobody minded"
            for task in others:
                task.cancel()
            most = max(most, process.memory_info().rss)
        assert most - before < 150_000_000
    finally:
        relay.kill()
        await relay.wait()


# --- swarms and codes --------------------------------------------------------------------------


async def test_a_flood_of_offers():
    with running_relay(with_limits(tracker_offers=Rate(10, 0))) as relay:
        async with town(relay.url) as here:
            victim, loud = await here.tracker(), await here.tracker()
            await victim.send(frame(TEXT, announce("victim")))
            await victim.hear()
            offers = [
                {"offer_id": f"{n}".ljust(20), "offer": {"type": "offer", "sdp": ""}}
                for n in range(4)
            ]
            answers = []
            for _ in range(4):
                await loud.send(frame(TEXT, announce("loud", offers=offers)))
                answers.append(json.loads(await loud.hear()).get("failure reason"))
            assert answers == [None, None, "too many offers", "too many offers"]
            figures = await here.figures()
            assert figures["tracker_offers_total"] == 2  # one peer gets one of an announce


async def test_one_address_does_not_push_the_others_out():
    limits = with_limits(
        max_swarms=6, max_swarm_peers=6, max_address_peers=4, max_address_swarm_peers=3
    )
    with running_relay(limits, PROXY) as relay:
        async with town(relay.url) as here:
            near, far = await here.tracker(NEAR), await here.tracker(FAR)
            await near.send(frame(TEXT, announce("near", "0")))
            await near.hear()
            answers = []
            for number in range(6):
                if number == 2:  # a socket more is not an address more
                    far = await here.tracker(FAR)
                await far.send(frame(TEXT, announce(str(number), "0")))
                answers.append("failure reason" in json.loads(await far.hear()))
            assert answers == [False] * 3 + [True] * 3
            for swarm in ("1", "2"):
                await far.send(frame(TEXT, announce("far", swarm)))
                answers.append("failure reason" in json.loads(await far.hear()))
            assert answers[6:] == [False, True]
            figures = await here.figures()
            assert [figures[name] for name in ("tracker_swarms", "tracker_peers")] == [2, 5]
            await near.send(frame(TEXT, announce("near", "0")))
            assert json.loads(await near.hear())["incomplete"] == 4


async def test_nobody_takes_a_peers_place_by_its_id():
    """Everybody in a swarm sees the ids of the others in their offers."""
    offer = [{"offer_id": "o".ljust(20), "offer": {"type": "offer", "sdp": "me"}}]
    with running_relay(trusted_proxies=PROXY) as relay:
        async with town(relay.url) as here:
            seeder, thief, peer = [await here.tracker(who) for who in (NEAR, FAR, "192.0.2.3")]
            await seeder.send(frame(TEXT, announce("seeder")))
            await seeder.hear()
            await thief.send(frame(TEXT, announce("seeder")))
            assert b"somebody else's" in await thief.hear()
            await peer.send(frame(TEXT, announce("peer", offers=offer)))
            assert b'"sdp":"me"' in await seeder.hear()
            # Its own address may: a machine whose socket is broken and does not know it yet.
            again = await here.tracker(NEAR)
            await again.send(frame(TEXT, announce("seeder")))
            await again.hear()
            await peer.send(frame(TEXT, announce("peer", offers=offer)))
            assert b'"sdp":"me"' in await again.hear()


async def test_one_household_does_not_push_the_others_out():
    """A /56 by each of its /64s in turn: it has twice what an address has, and no more."""
    limits = with_limits(max_swarms=20, max_address_peers=6)
    with running_relay(limits, PROXY) as relay:
        async with town(relay.url) as here:
            victim = await here.tracker(NEAR)
            await victim.send(frame(TEXT, announce("victim", "victim")))
            await victim.hear()
            taken = []
            for number in range(24):
                raw = await here.tracker(f"2001:db8:0:ff{number % 12:02x}::1")
                await raw.send(frame(TEXT, announce(str(number), str(number))))
                taken.append(b"failure" not in await raw.hear())
            assert taken == [True] * 12 + [False] * 12
            await victim.send(frame(TEXT, announce("victim", "victim")))
            assert json.loads(await victim.hear())["incomplete"] == 1
            assert (await here.figures())["tracker_swarms"] == 13


async def claim(here: Town, proxied: str) -> str:
    person = await here.person(proxied)
    await person.send(frame(TEXT, b'421["claim",{"nameplate":99}]'))
    answer = json.loads((await person.hear())[3:])[0]["error"]["code"]
    person.abort()
    return answer


@pytest.mark.parametrize("limit", ["address_claims", "address_codes"])
@pytest.mark.parametrize(
    ("addresses", "others"),
    [
        (["192.0.2.1"] * 3, "192.0.2.3"),
        (["2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:1:f::"], "2001:db8:0:2::1"),
        # What stands left of the right-most is only what a stranger wrote.
        (["1.1.1.1, 192.0.2.1", "2.2.2.2, 192.0.2.1", "192.0.2.9,192.0.2.1"], "192.0.2.3"),
        (["192.0.2.1, 127.0.0.1", "192.0.2.1:9", "nonsense, 192.0.2.1"], "192.0.2.3"),
    ],
)
async def test_codes_are_counted_by_the_address_that_a_trusted_proxy_names(
    addresses: list[str], others: str, limit: str
):
    with running_relay(with_limits(SWIFT, **{limit: Rate(2, 0)}), PROXY) as relay:
        async with town(relay.url) as here:
            codes = [await claim(here, address) for address in addresses]
            assert codes == ["unknownCode", "unknownCode", "rateLimited"]
            assert await claim(here, others) == "unknownCode"


@pytest.mark.parametrize("trusted", [(), ("10.0.0.0/8",)])
async def test_a_strangers_header_counts_for_nothing(trusted: tuple[str, ...]):
    with running_relay(with_limits(address_claims=Rate(2, 0)), trusted) as relay:
        async with town(relay.url) as here:
            codes = [await claim(here, f"192.0.2.{number}") for number in range(3)]
            assert codes == ["unknownCode", "unknownCode", "rateLimited"]


async def test_nameplates_of_one_address():
    limits = with_limits(max_nameplates=4, max_address_people=2)
    with running_relay(limits, PROXY) as relay:
        async with town(relay.url) as here:
            for _ in range(2):
                person = await here.person(FAR)
                for _ in range(3):  # a person has one at a time
                    await person.send(frame(TEXT, b'421["allocate",{}]'))
                    assert b"nameplate" in await person.hear()
            assert (await here.figures())["nameplates"] == 2
            await serves(here, NEAR)


# --- the log -----------------------------------------------------------------------------------


async def test_strangers_mistakes_fill_no_log():
    """Whoever can write into a log can fill the disk."""
    relay = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "relay", "--port", "0", stdout=PIPE, stderr=PIPE
    )
    try:
        assert relay.stdout is not None
        url = (await relay.stdout.readline()).decode().split()[-1]
        async with town(url) as here:
            for nonsense in (
                b"nonsense\r\n\r\n",
                b"\x16\x03\x01\x02\x00\x01\x00",
                b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: " + b"x" * 100_000,
                b"POST /socket.io/?sid=no HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
                b"GET /socket.io/?EIO=3&transport=flashsocket HTTP/1.1\r\nHost: localhost\r\n\r\n",
            ):
                raw = await here.connect()
                await raw.send(nonsense)
                raw.writer.write_eof()
                await raw.ended()
            for path in ("/announce", SESSION):
                for broken in (
                    frame(TEXT, b"\xff\xff"),
                    frame(3, b"no such opcode"),
                    frame(MORE, b"of nothing"),
                    b"\x81\x01x",
                    frame(TEXT, b"\xff", fin=False) + frame(MORE, b"\xff"),
                ):
                    raw = await here.connect()
                    assert await raw.upgrade(path) == 101
                    await raw.send(broken)
                    await raw.send(frame(8, b""))
                    await raw.ended()
            await serves(here)
        relay.terminate()
        _, said = await asyncio.wait_for(relay.communicate(), 20)
        assert said == b""
    finally:
        if relay.returncode is None:
            relay.kill()
            await relay.wait()
