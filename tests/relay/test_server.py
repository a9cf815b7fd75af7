"""The relay as a process of its own."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from asyncio import subprocess
from asyncio.subprocess import Process
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import websockets

from filesend_tui.core.util.own_address import has
from relay.__main__ import main
from relay.guard.limits import Limits, Rate
from relay.protocol.transit import PIPE, TRANSIT_PATH, greeting
from relay.server import RelayServer, listen
from tests.certificates import own_certificate
from tests.conftest import running_relay
from tests.relay.conftest import TIMEOUT, Connect, pair

Start = Callable[..., Awaitable[tuple[Process, str]]]


async def spawn(*options: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "relay",
        *options,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    processes: list[Process] = []

    async def start(*options: str) -> tuple[Process, str]:
        process = await spawn("--port", "0", *options)
        processes.append(process)
        assert process.stdout is not None
        assert process.stderr is not None
        line = await asyncio.wait_for(process.stdout.readline(), 30)
        ready = re.fullmatch(r"FileSend relay ready at (https?://\S+:\d+)\r?\n", line.decode())
        assert ready, (line, await process.stderr.read())
        return process, ready[1]

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def stdin_of(process: Process) -> asyncio.StreamWriter:
    assert process.stdin is not None
    return process.stdin


async def end(process: Process) -> tuple[int | None, bytes, bytes]:
    """Exit status and what was written after the ready line."""
    out, err = await asyncio.wait_for(process.communicate(), 20)
    return process.returncode, out, err


async def test_the_ready_line_names_a_relay_that_answers(start: Start, connect: Connect):
    _, url = await start()
    assert url.startswith("http://127.0.0.1:")
    person = await connect(url)
    assert await person.allocate()


async def test_a_relay_with_a_certificate_answers_over_tls(
    start: Start, connect: Connect, tmp_path: Path
):
    chain, key = own_certificate(tmp_path)
    _, url = await start("--tls-cert", str(chain), "--tls-key", str(key))
    assert url.startswith("https://127.0.0.1:")
    person = await connect(url)
    assert await person.allocate()


async def test_a_relay_without_a_usable_certificate_says_so_in_one_line(tmp_path: Path):
    chain, key = own_certificate(tmp_path)
    key.write_text("nothing")
    status, out, err = await end(
        await spawn("--port", "0", "--tls-cert", str(chain), "--tls-key", str(key))
    )
    assert (status, out, err.count(b"\n")) == (1, b"", 1)
    assert err.startswith(b"FileSend relay cannot speak TLS: ")
    assert str(key).encode() in err


async def test_whoever_used_up_their_time_of_the_loop_is_not_read_at_once():
    debt = 30.0
    with running_relay(Limits(address_loop_time=Rate(burst=1.0, per_second=1.0))) as relay:
        guard = relay.server._app.guard
        guard.loop_time.charge("127.0.0.1", 1.0 + debt)
        port = urlsplit(relay.url).port
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(TIMEOUT):
            while not any(not each.transport.is_reading() for each in guard._connections):
                await asyncio.sleep(0.01)
        writer.close()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to send to a child")
@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_tells_everybody_and_ends_cleanly(
    start: Start, connect: Connect, sig: signal.Signals
):
    process, url = await start()
    one, other = await connect(url), await connect(url)
    await pair(one, other)
    tracker = await websockets.connect(url.replace("http", "ws"))
    process.send_signal(sig)
    for person in (one, other):
        if sig is signal.SIGTERM:  # which means that another is there
            assert await person.hear() == ("relayMoving", {})
        else:
            assert await person.hear() == ("relayClosing", {})
            # And not that the partner went: the relay did.
            assert (await person.hear())[0] == "disconnect"
    with pytest.raises(websockets.ConnectionClosed):
        await asyncio.wait_for(tracker.recv(), TIMEOUT)
    assert await end(process) == (0, b"", b"")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to send to a child")
async def test_who_is_told_to_end_lets_nobody_in_and_waits_no_longer_than_it_was_told(
    start: Start, connect: Connect
):
    process, url = await start("--drain", "600")
    person = await connect(url)
    # A pipe that goes on, as far as the relay knows.
    given = (await person.call("askRoads", {}))["pass"]
    pipe = await websockets.connect(url.replace("http", "ws") + TRANSIT_PATH)
    await pipe.send(greeting(b64decode(given), bytes(PIPE)))
    process.send_signal(signal.SIGTERM)
    assert await person.hear() == ("relayMoving", {})
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
    assert process.returncode is None
    process.send_signal(signal.SIGTERM)  # somebody does not want to wait
    assert await end(process) == (0, b"", b"")
    await pipe.close()


async def test_it_ends_with_its_parent(start: Start, connect: Connect):
    process, url = await start("--until-stdin-closes")
    person = await connect(url)
    stdin_of(process).write(b"what is written here means nothing\n")
    await stdin_of(process).drain()
    assert await person.allocate()
    stdin_of(process).close()
    assert await person.hear() == ("relayClosing", {})
    assert await end(process) == (0, b"", b"")


@pytest.mark.parametrize("told", [b"", b"--port 0", b"-" * 5000 + b"\n"], ids=["", "part", "long"])
async def test_it_ends_where_its_parent_does_before_all_options_are_told(told: bytes):
    process = await spawn("--port", "0", "--until-stdin-closes", "--wait-for-options")
    stdin_of(process).write(told)
    stdin_of(process).close()
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, out, err) == (0, b"", b"")


async def test_options_that_are_told_later_count(connect: Connect):
    process = await spawn("--port", "1", "--until-stdin-closes", "--wait-for-options")
    stdin_of(process).write(b"--host 127.0.0.1 --port 0\n")
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 30)
    person = await connect(line.decode().split()[-1])
    assert await person.allocate()
    assert process.returncode is None
    stdin_of(process).close()
    assert await person.hear() == ("relayClosing", {})
    assert await end(process) == (0, b"", b"")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to send to a child")
async def test_a_signal_ends_it_while_it_watches_its_parent(start: Start):
    process, _ = await start("--until-stdin-closes")
    process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(process.wait(), 20)
    assert await end(process) == (0, b"", b"")


async def test_without_the_option_a_closed_stdin_means_nothing(start: Start, connect: Connect):
    process, url = await start()
    stdin = stdin_of(process)
    stdin.close()
    await stdin.wait_closed()
    person = await connect(url)
    assert await person.allocate()
    assert process.returncode is None


async def test_a_taken_port_is_one_clear_line(start: Start):
    _, url = await start()
    port = url.rpartition(":")[2]
    status, out, err = await end(await spawn("--port", port))
    assert (status, out) == (1, b"")
    assert err.decode().splitlines() == [
        f"FileSend relay cannot listen on 127.0.0.1:{port}: the port is already in use. "
        "Choose another with --port, or 0 for any free one."
    ]


async def test_a_host_that_is_not_ours_is_one_clear_line():
    status, out, err = await end(await spawn("--port", "0", "--host", "no.such.host.invalid"))
    assert (status, out, len(err.decode().splitlines())) == (1, b"", 1)
    assert "Choose an address of this machine with --host" in err.decode()


async def test_an_ipv6_address_that_is_not_ours_is_told_in_brackets():
    status, _, err = await end(await spawn("--port", "1", "--host", "2001:db8::1"))
    assert status == 1
    assert err.decode().startswith("FileSend relay cannot listen on [2001:db8::1]:1: ")


@pytest.mark.parametrize(
    "options", [["--port", "65536"], ["--port", "x"], ["--log-level", "x"], ["--metrics-to", "x"]]
)
async def test_wrong_options_are_refused(options: list[str]):
    status, out, err = await end(await spawn(*options))
    assert (status, out) == (2, b"")
    assert options[0] in err.decode()


async def test_nothing_that_is_routed_is_logged(start: Start, connect: Connect):
    process, url = await start("--log-level", "debug")
    one, other = await connect(url), await connect(url)
    room = await pair(one, other)
    assert await one.call("message", {"room": room, "body": "a+secret" * 3}) == {}
    await one.call("message", {"room": room, "body": "not base64: a secret"})
    await one.call("a secret", {"body": 5})
    stdin_of(process).close()
    process.terminate()
    _, _, err = await end(process)
    assert err
    assert b"secret" not in err


def test_every_address_family_has_a_url():
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert RelayServer(listener).url == f"http://127.0.0.1:{port}"


@pytest.mark.skipif(not socket.has_ipv6, reason="there is no IPv6 here")
def test_an_ipv6_url_has_brackets():
    try:
        listener = listen("::1", 0)
    except OSError:
        pytest.skip("there is no IPv6 here")
    with listener:
        assert RelayServer(listener).url == f"http://[::1]:{listener.getsockname()[1]}"


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="there is no IPv6 here")
async def test_all_addresses_are_those_of_both_families(start: Start, connect: Connect):
    if not has(("::1", 0, 0, 0)):
        pytest.skip("there is no IPv6 here")
    _, url = await start("--host", "::")
    port = url.rpartition(":")[2]
    for place in ("127.0.0.1", "[::1]"):
        person = await connect(f"http://{place}:{port}")
        assert "nameplate" in await person.call("allocate", {})


# --- checking what it is started with


def test_what_a_relay_is_started_with_is_checked_and_not_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chain, key = own_certificate(tmp_path)
    (tmp_path / "store").write_text("redis://:hush@127.0.0.1:1/0")
    (tmp_path / "store").chmod(0o600)
    options = [
        *("--port", "0", "--tls-cert", str(chain), "--tls-key", str(key)),
        *("--store-file", str(tmp_path / "store"), "--allow-from", "10.0.0.0/8"),
    ]
    assert main([*options, "--check-config"]) == 0
    told = capsys.readouterr().out
    assert "allow_from = 10.0.0.0/8" in told
    assert f"tls_cert = {chain}" in told
    assert told.endswith("A relay would start with this.\n")
    assert "hush" not in told


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--tls-cert", "nowhere"], "cannot speak TLS: nowhere cannot be read"),
        (["--ban-file", "nowhere"], "cannot shut anybody out: nowhere cannot be read"),
        (["--turn", "turn:x"], "cannot give out TURN credentials"),
        (["--store-file", "nowhere"], "has no store"),
        (["--page-key-file", "nowhere/at/all"], "cannot let saved pages in"),
        (["--host", "192.0.2.1"], "cannot listen on 192.0.2.1"),
    ],
)
def test_what_is_wrong_with_it_is_said_in_one_line(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    why: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for more in ([], ["--check-config"]):
        assert main(["--port", "0", *options, *more]) == 1
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err.count("\n") == 1
        assert told.err.startswith(f"FileSend relay {why}")
