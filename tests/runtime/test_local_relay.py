"""local_relay.py: a relay that is there is used, else one is started that ends with us."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest

from filesend_tui.core.errors import RelayUnreachable
from filesend_tui.runtime.local_relay import LocalRelay
from tests.conftest import RunningRelay, running_relay
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("processes")]

TIMEOUT = 20


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def local(port: int) -> Iterator[LocalRelay]:
    local = LocalRelay(port)
    yield local
    local.stop()


async def no(_: str) -> bool:
    return False


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


async def until_silent(port: int) -> None:
    async with asyncio.timeout(TIMEOUT):
        while await asyncio.to_thread(answers, port):
            await asyncio.sleep(0.05)


def relays_on(port: int) -> list[psutil.Process]:
    found = [
        process
        for process in psutil.process_iter(["cmdline", "ppid"])
        if ["--port", str(port)] == (process.info["cmdline"] or [])[-2:]
    ]
    # Whatever a relay starts looks like itself for a moment.
    return [each for each in found if each.info["ppid"] not in {other.pid for other in found}]


async def test_one_that_answers_is_used(relay: RunningRelay) -> None:
    port = int(relay.url.rpartition(":")[2])
    local = LocalRelay(port)
    assert await local.find(no) == relay.url
    assert relays_on(port) == []
    local.stop()
    assert answers(port), "somebody else's relay is not ours to stop"


async def test_one_is_started_and_stopped(local: LocalRelay, port: int) -> None:
    assert await local.find(no) == f"http://127.0.0.1:{port}"
    assert answers(port)
    assert await local.find(no) == local.url, "found again, not started again"
    assert len(relays_on(port)) == 1
    local.stop()
    assert relays_on(port) == []


async def test_one_that_died_is_started_again(local: LocalRelay, port: int) -> None:
    await local.find(no)
    (child,) = relays_on(port)
    child.kill()
    await until_silent(port)
    assert await local.find(no) == local.url
    assert answers(port)


async def test_one_that_died_with_its_owner_is_started_again_unasked(
    local: LocalRelay, port: int
) -> None:
    owner = LocalRelay(port)
    await owner.find(no)
    assert await local.find(no) == local.url
    owner.stop()
    assert relays_on(port) == []
    assert await local.find_again()
    assert answers(port)
    local.stop()
    assert not await local.find_again(), "nothing is started after the end"


async def test_what_cannot_be_started_is_no_fault(
    local: LocalRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(Path("/nowhere/python")))
    assert not await local.find_again()


async def test_who_looks_twice_at_once_starts_one(local: LocalRelay, port: int) -> None:
    assert await asyncio.gather(local.find(no), local.find_again()) == [local.url, True]
    assert len(relays_on(port)) == 1


async def test_two_at_once_end_up_with_the_same(local: LocalRelay, port: int) -> None:
    other = LocalRelay(port)
    try:
        assert await asyncio.gather(local.find(no), other.find(no)) == [local.url, local.url]
        assert len(relays_on(port)) == 1
    finally:
        other.stop()


async def test_ctrl_c_in_the_terminal_does_not_reach_it(local: LocalRelay, port: int) -> None:
    await local.find(no)
    (child,) = relays_on(port)
    if sys.platform != "win32":
        assert os.getpgid(child.pid) != os.getpgid(0)


async def test_a_folder_named_relay_is_not_run(
    local: LocalRelay, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "relay"
    package.mkdir()
    (package / "__main__.py").write_text("raise SystemExit('a stranger was run')")
    (package / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    assert await local.find(no) == local.url


PARENT = """
import asyncio, sys, time
from filesend_tui.runtime.local_relay import LocalRelay
local = LocalRelay(int(sys.argv[1]))
print(asyncio.run(local.find(None)), flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_it_ends_with_its_parent(port: int, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(port)], stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        assert await asyncio.to_thread(parent.stdout.readline)
        assert answers(port)
        parent.send_signal(number)
    await until_silent(port)


async def test_a_port_that_something_else_has_is_an_error() -> None:
    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"service": "something else"}')

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        local = LocalRelay(server.server_port)
        try:
            with pytest.raises(RelayUnreachable, match=str(server.server_port)) as error:
                await local.find(no)
            assert "--relay" in error.value.hint
        finally:
            server.shutdown()


async def test_nothing_is_started_after_stop(port: int) -> None:
    local = LocalRelay(port)
    local.stop()
    with pytest.raises(RelayUnreachable):
        await local.find(no)
    assert relays_on(port) == []


@pytest.fixture
def wide(port: int) -> Iterator[LocalRelay]:
    wide = LocalRelay(port, wide=True)
    yield wide
    wide.stop()


def listens_everywhere(port: int) -> bool:
    """Whether a relay answers at another address of this machine than its usual one."""
    try:
        socket.create_connection(("127.0.0.2", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is Linux's")
async def test_one_is_for_this_machine_alone_unless_it_is_wide(
    local: LocalRelay, port: int
) -> None:
    await local.find(no)
    assert not listens_everywhere(port)
    assert not local.is_wide
    assert local.instance == ""


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is Linux's")
async def test_a_wide_one_is_made_narrow_and_wide_again(wide: LocalRelay, port: int) -> None:
    assert await wide.find(no) == f"http://127.0.0.1:{port}"
    assert listens_everywhere(port)
    assert wide.is_wide
    first = wide.instance
    (child,) = relays_on(port)
    assert first in child.cmdline()
    await wide.widen()
    assert [each.pid for each in relays_on(port)] == [child.pid], "it is not restarted for nothing"
    await wide.narrow()
    assert not listens_everywhere(port)
    assert answers(port)
    assert not wide.is_wide
    assert wide.instance == ""
    await wide.widen()
    assert listens_everywhere(port)
    assert wide.is_wide
    assert wide.instance not in ("", first), "an announcement of another is not taken for it"
    assert len(relays_on(port)) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is Linux's")
@pytest.mark.parametrize("everywhere", [True, False], ids=["wide", "narrow"])
async def test_one_that_is_prepared_is_the_one_that_is_used(
    local: LocalRelay, port: int, everywhere: bool
) -> None:
    await local.prepare()
    await local.prepare()
    child = await only_child()
    assert not answers(port)
    if everywhere:
        await local.widen()
    assert await local.find(no) == local.url
    assert children() == [child]
    assert listens_everywhere(port) is everywhere
    assert local.is_wide is everywhere
    local.stop()
    assert children() == []


async def test_one_that_is_prepared_ends_where_another_answers(
    local: LocalRelay, port: int
) -> None:
    await local.prepare()
    await only_child()
    with running_relay(port=port):
        assert await local.find(no) == local.url
        assert children() == []
        assert not local.started
        await local.prepare()
        assert children() == []


async def test_one_that_died_while_it_was_prepared_is_replaced(
    local: LocalRelay, port: int
) -> None:
    await local.prepare()
    child = await only_child()
    child.kill()
    child.wait()
    assert await local.find(no) == local.url
    assert answers(port)


async def test_nothing_is_left_of_one_that_was_prepared_for_nothing(local: LocalRelay) -> None:
    await local.prepare()
    local.stop()
    assert children() == []
    await local.prepare()
    assert children() == []


async def only_child() -> psutil.Process:
    """Return the one relay that was started, once the system says what it is."""
    await until(children)
    (child,) = children()
    return child


def children() -> list[psutil.Process]:
    """The relays that this process has started."""
    return [each for each in psutil.Process().children() if "relay" in each.cmdline()]


async def test_somebody_elses_is_not_made_wide(relay: RunningRelay) -> None:
    local = LocalRelay(int(relay.url.rpartition(":")[2]), wide=True)
    try:
        assert await local.find(no) == relay.url
        await local.widen()
        assert not local.is_wide
        assert local.instance == ""
    finally:
        local.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is Linux's")
async def test_where_the_port_is_taken_on_the_network_it_is_narrow(
    wide: LocalRelay, port: int
) -> None:
    with socket.create_server(("127.0.0.2", port)):
        assert await wide.find(no) == wide.url
        assert wide.started
        assert not wide.is_wide


@pytest.mark.parametrize(("transit", "told"), [(None, []), (0, ["off"]), (5, ["5"])])
async def test_a_wide_one_is_told_what_it_carries(
    port: int, transit: int | None, told: list[str]
) -> None:
    local = LocalRelay(port, wide=True, transit=transit)
    try:
        await local.find(no)
        (child,) = relays_on(port)
        arguments = child.cmdline()
        said = arguments[arguments.index("--transit") + 1 :][:1] if told else []
        assert said == told
        assert ("--transit" in arguments) == bool(told)
    finally:
        local.stop()


async def test_nothing_is_started_by_a_change_after_stop(wide: LocalRelay, port: int) -> None:
    await wide.find(no)
    wide.stop()
    await wide.narrow()
    assert relays_on(port) == []
    assert not wide.is_wide
