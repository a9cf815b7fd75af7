"""A start among strangers on this machine: whoever has the port, and whoever runs the relay there.

The squatters, the relays and the programs are real. A relay of another user is one as root, whose
socket another uid made; for everybody else the system's table is one that a test wrote.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from filesend_tui.core.errors import RelayUnreachable
from filesend_tui.runtime.local_relay import LocalRelay
from filesend_tui.system import port_owner
from filesend_tui.system.port_owner import owners, stranger
from relay.server import RelayServer, listen
from tests.e2e.processes import Filesend, World, fill
from tests.security import squatters
from tests.security.squatters import squatting

#: Seconds in which whoever is interrupted has ended, on a machine that is busy with other tests.
AT_ONCE = 6.0
UID = 12_345

unix_only = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no signals and terminals like these"
)


async def never_asked(whose: str) -> bool:
    raise AssertionError(f"nobody is to be asked: {whose}")


# --- squatters --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [squatters.dribble, squatters.headers, squatters.body, squatters.informational],
)
async def test_one_look_takes_a_second_whatever_is_said_meanwhile(kind: object) -> None:
    with squatting(kind) as squatter:
        local = LocalRelay(squatter.port)
        started = time.monotonic()
        with pytest.raises(RelayUnreachable, match=f"Another program.*{squatter.port}"):
            await local.find(never_asked)
        assert time.monotonic() - started < 4
        local.stop()


async def test_a_port_where_nobody_says_anything_is_given_up_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("filesend_tui.runtime.local_relay._START_SECONDS", 1.5)
    told = pytest.raises(RelayUnreachable, match="nothing answers there")
    with squatting(squatters.silent) as squatter, told:
        await LocalRelay(squatter.port).find(never_asked)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[World]:
    """A world without a relay, whose people look for one at the port that a test names."""
    world = World(tmp_path)
    yield world
    world.close()
    assert world.leftovers() == []


COMMANDS: dict[str, list[str | Path]] = {
    "send": ["send", "{file}"],
    "receive": ["receive", "7-apple-violin", "--yes", "-o", "{folder}"],
    "seed": ["seed", "{file}"],
}


def interrupted(process: Filesend) -> None:
    """Interrupt it once, and see it end."""
    process.signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.process.wait(AT_ONCE)
    assert process.process.poll() == 130, process.report()


def start(world: World, command: str, port: int, folder: Path, **more: str) -> Filesend:
    world.environment |= {"FILESEND_PORT": str(port)} | more
    names = {"{file}": fill(folder / "file", 1), "{folder}": folder / "to"}
    return world.start(*(names.get(str(each), each) for each in COMMANDS[command]))


@unix_only
@pytest.mark.slow
@pytest.mark.xdist_group("processes")
@pytest.mark.parametrize(
    ("kind", "command", "named"),
    [
        *((kind, "send", False) for kind in squatters.KINDS),
        *((squatters.silent, command, False) for command in ("receive", "seed")),
        *((squatters.silent, command, True) for command in COMMANDS),
        (squatters.dribble, "send", True),
    ],
)
def test_the_first_interrupt_ends_a_start(
    kind: object, command: str, named: bool, alone: World, tmp_path: Path
) -> None:
    with squatting(kind) as squatter:
        url = {"FILESEND_RELAY": f"http://127.0.0.1:{squatter.port}"} if named else {}
        process = start(alone, command, squatter.port, tmp_path, **url)
        assert squatter.came.acquire(timeout=30), process.report()
        interrupted(process)


@unix_only
@pytest.mark.slow
@pytest.mark.xdist_group("processes")
def test_an_interrupt_ends_a_start_that_starts_a_relay(alone: World, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = start(alone, "send", port, tmp_path)
    this = psutil.Process(process.process.pid)
    deadline = time.monotonic() + 30
    while not this.children():
        assert time.monotonic() < deadline, process.report()
        time.sleep(0.005)
    interrupted(process)


class OnTerminal:
    """The screens, on a terminal of their own whose end is `screen`."""

    def __init__(self, world: World, port: int) -> None:
        import pty

        self.screen, terminal = pty.openpty()
        world.environment |= {"FILESEND_PORT": str(port), "TERM": "xterm-256color"}
        self.filesend = world.start(stdin=terminal, stdout=terminal, stderr=terminal)
        os.close(terminal)
        self.seen = b""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with suppress(OSError):
            while data := os.read(self.screen, 65536):
                self.seen += data

    def wait_for(self, text: bytes) -> None:
        deadline = time.monotonic() + 30
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen[-2000:]
            time.sleep(0.02)


@unix_only
@pytest.mark.slow
@pytest.mark.xdist_group("processes")
@pytest.mark.parametrize("way", ["key", "signal"])
@pytest.mark.parametrize("kind", [squatters.silent, squatters.dribble])
def test_the_first_interrupt_ends_the_screens_too(kind: object, way: str, alone: World) -> None:
    with squatting(kind) as squatter:
        terminal = OnTerminal(alone, squatter.port)
        assert squatter.came.acquire(timeout=30), terminal.seen[-2000:]
        if way == "signal":
            terminal.filesend.signal(signal.SIGINT)
        else:
            terminal.wait_for(b"Quit")  # it draws, and so it has the terminal's keys
            os.write(terminal.screen, b"\x03")
        with suppress(subprocess.TimeoutExpired):
            terminal.filesend.process.wait(AT_ONCE)
        assert terminal.filesend.process.poll() == 130, terminal.seen[-2000:]


STUCK = """
import asyncio, sys, time
from filesend_tui.core.config import ClientConfig
from filesend_tui.headless.printers import JsonPrinter
from filesend_tui.headless.running import run

async def command(client):
    print("looks", flush=True)
    await asyncio.to_thread(time.sleep, 600)  # a name that nobody resolves

sys.exit(run(command, ClientConfig(), JsonPrinter(sys.stdout.buffer)))
"""


@unix_only
@pytest.mark.slow
def test_a_thread_that_hangs_holds_up_no_interrupt() -> None:
    with subprocess.Popen([sys.executable, "-c", STUCK], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"looks\n"
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(AT_ONCE) == 130
        finally:
            process.kill()


# --- whose relay it is ------------------------------------------------------------------------


class Foreign(NamedTuple):
    """A relay that another user runs. table: where that is written; None: where it always is."""

    port: int
    table: Path | None

    @property
    def stranger(self) -> Callable[[int], int | None]:
        return partial(stranger, tables=[self.table]) if self.table else stranger


def table(folder: Path, *rows: tuple[str, int]) -> Path:
    """A table of the kernel's: for each row what listens (as digits) and whose it is."""
    path = folder / f"table{len(list(folder.iterdir()))}"
    lines = [
        f"{number:4}: {address} 00000000:0000 0A 00000000:00000000 00:00000000 00000000 "
        f"{uid:5}        0 22518 1 0000000000000000 100 0 0 10 0"
        for number, (address, uid) in enumerate(rows)
    ]
    path.write_text(
        "\n".join(["  sl  local_address rem_address   st tx_queue", *lines, ""]), "ascii"
    )
    return path


def words(address: str, port: int) -> str:
    """An address and a port as the kernel writes them on this machine."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    packed = socket.inet_pton(family, address)
    parts = [packed[at : at + 4] for at in range(0, len(packed), 4)]
    number = [int.from_bytes(part, sys.byteorder) for part in parts]
    return "".join(f"{each:08X}" for each in number) + f":{port:04X}"


@pytest.fixture
def foreign(tmp_path: Path) -> Iterator[Foreign]:
    as_root = sys.platform == "linux" and os.geteuid() == 0
    if as_root:
        os.seteuid(UID)  # a socket is theirs who made it
    try:
        listener = listen("127.0.0.1", 0)
    finally:
        if as_root:
            os.seteuid(0)
    with listener:
        port = listener.getsockname()[1]
        ready = threading.Event()
        server = RelayServer(listener, on_ready=lambda _url: ready.set())
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        assert ready.wait(10)
        yield Foreign(port, None if as_root else table(tmp_path, (words("127.0.0.1", port), UID)))
        server.should_exit = True
        thread.join(10)


@unix_only
async def test_a_relay_of_another_user_is_used_only_with_a_yes(foreign: Foreign) -> None:
    asked: list[str] = []

    async def answer(whose: str, *, yes: bool) -> bool:
        asked.append(whose)
        return yes

    local = LocalRelay(foreign.port, foreign.stranger)
    for _ in range(2):
        with pytest.raises(RelayUnreachable) as refused:
            await local.find(partial(answer, yes=False))
        assert not await local.find_again()
    assert f"run by uid {UID}." in refused.value.message
    assert f"--relay {local.url}" in refused.value.hint
    for _ in range(2):
        assert await local.find(partial(answer, yes=True)) == local.url
        assert await local.find_again()
    assert len(asked) == 3, "a yes is remembered"
    assert all(f"uid {UID}" in whose for whose in asked)
    local.stop()


#: The program as it is, but for the table, where a test has to write one.
PROGRAM = """
import sys
from pathlib import Path
from filesend_tui.system import port_owner
if table := sys.argv.pop(1):
    for reads in (port_owner.owners, port_owner.stranger):
        reads.__defaults__ = ((Path(table),),)
from filesend_tui.__main__ import main
main()
"""


def filesend(world: World, foreign: Foreign, *arguments: str | Path, **popen: Any) -> Filesend:
    world.environment["FILESEND_PORT"] = str(foreign.port)
    process = Filesend(
        arguments, world.environment, program=(PROGRAM, str(foreign.table or "")), **popen
    )
    world.processes.append(process)
    return process


@unix_only
@pytest.mark.slow
@pytest.mark.xdist_group("processes")
@pytest.mark.parametrize("command", COMMANDS)
def test_where_nobody_can_be_asked_it_is_told_whose_it_is_and_how_to_say_yes(
    command: str, foreign: Foreign, alone: World, tmp_path: Path
) -> None:
    names = {"{file}": fill(tmp_path / "file", 1), "{folder}": tmp_path / "to"}
    arguments = [names.get(str(each), each) for each in COMMANDS[command]]
    process = filesend(alone, foreign, *arguments)
    assert process.end() == 4, process.report()
    process.wait_for_line(f"run by uid {UID}.")
    process.wait_for_line(f"--relay http://127.0.0.1:{foreign.port}")


@pytest.mark.slow
@pytest.mark.xdist_group("processes")
def test_to_name_it_is_a_yes(foreign: Foreign, alone: World, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{foreign.port}"
    process = filesend(alone, foreign, "send", fill(tmp_path / "a", 1), "--relay", url)
    process.wait_for_line("Code: ")


@unix_only
@pytest.mark.slow
@pytest.mark.xdist_group("processes")
@pytest.mark.parametrize("answer", ["y", "n"])
def test_on_a_terminal_it_is_asked(
    answer: str, foreign: Foreign, alone: World, tmp_path: Path
) -> None:
    import pty

    screen, terminal = pty.openpty()
    process = filesend(alone, foreign, "send", fill(tmp_path / "a", 1), stdin=terminal)
    os.close(terminal)
    process.wait_for_line(f"run by uid {UID}.")
    os.write(screen, f"what?\n{answer}\n".encode())
    if answer == "y":
        process.wait_for_line("Code: ")
    else:
        assert process.end() == 4, process.report()
    os.close(screen)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([], set()),
        ([("127.0.0.1", 8421, 7)], {7}),
        ([("0.0.0.0", 8421, 7)], {7}),
        ([("127.0.0.1", 8421, 7), ("0.0.0.0", 8421, 8)], {7}),
        ([("127.0.0.1", 8421, 7), ("127.0.0.1", 8421, 8)], {7, 8}),
        ([("127.0.0.1", 8422, 7), ("127.0.0.2", 8421, 7), ("192.0.2.1", 8421, 7)], set()),
        ([("::", 8421, 7)], {7}),
        ([("::ffff:127.0.0.1", 8421, 7)], {7}),
        ([("::1", 8421, 7)], set()),
        ([("::", 8421, 8), ("0.0.0.0", 8421, 7)], {7}),
        ([("::", 8421, 8), ("::ffff:127.0.0.1", 8421, 7)], {7}),
    ],
)
def test_who_hears_what_is_said_on_loopback(
    rows: list[tuple[str, int, int]], found: set[int], tmp_path: Path
) -> None:
    four = table(tmp_path, *((words(a, port), uid) for a, port, uid in rows if ":" not in a))
    six = table(tmp_path, *((words(a, port), uid) for a, port, uid in rows if ":" in a))
    assert owners(8421, [four, six]) == found


def test_only_who_listens_counts(tmp_path: Path) -> None:
    path = table(tmp_path, (words("127.0.0.1", 8421), 7))
    path.write_text(path.read_text("ascii").replace(" 0A ", " 01 "), "ascii")
    assert owners(8421, [path]) == set()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"sl\nx\n", b"sl\n0: x y 0A a b c d e\n"])
def test_a_table_of_another_system_says_nothing(content: bytes, tmp_path: Path) -> None:
    odd = tmp_path / "odd"
    odd.write_bytes(content)
    assert owners(8421, [odd, tmp_path / "none"]) == set()
    assert stranger(8421, [odd, tmp_path / "none"]) is None


@unix_only
@pytest.mark.parametrize(("uid", "strange"), [(0, False), (None, False), (UID, True)])
def test_root_and_oneself_are_no_strangers(uid: int | None, strange: bool, tmp_path: Path) -> None:
    whose = os.geteuid() if uid is None else uid
    path = table(tmp_path, (words("127.0.0.1", 8421), whose))
    assert stranger(8421, [path]) == (whose if strange else None)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose a port is")
def test_the_systems_own_table_names_this_user() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert owners(port) == {os.geteuid()}
        assert port_owner.stranger(port) is None
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        assert owners(server.getsockname()[1]) == {os.geteuid()}
