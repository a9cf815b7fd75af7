"""Real paired transfers, everything logged that can be, and a search for every secret they had."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.pretty import pretty_repr

from filesend_tui.app import FileSendApp
from filesend_tui.cli.screens import run_screens
from filesend_tui.core import events as e
from filesend_tui.core.config import ClientConfig, IceServer
from filesend_tui.core.meeting.signaling import SealedSignaling
from filesend_tui.core.sessions.code import new_code
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.pairing import Pairing, SharedKey
from filesend_tui.core.sessions.shared_secret import Secret
from filesend_tui.core.transports.base import RelayEntry
from filesend_tui.core.transports.webrtc.turn import Server
from filesend_tui.settings.load import Settings, load
from filesend_tui.state.views import Level, Notice, OwnCode
from relay.protocol.turn import parse_turn_url
from relay.protocol.words import FileReady, Roads, TurnLogin
from relay.turn import TurnServers
from tests.e2e.processes import TIMEOUT, Filesend, World, contents, fill

TURN_PASSWORD = "correct-horse-battery-staple"
#: Where the first thing that travels sealed, and the first offer, are read.
CRASHES = [
    "-",
    "filesend_tui.core.sessions.cipher:RoomCipher.open:2",  # after the greeting
    "filesend_tui.core.meeting.signaling:SealedSignaling.seal:1",
]


class Watch:
    """Reads the command lines of all processes, and their environments, again and again."""

    def __init__(self, world: World) -> None:
        self.commands: set[str] = set()
        self.relay_environments: set[str] = set()
        self._world = world
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            for process in psutil.process_iter():
                try:
                    command = "\0".join(process.cmdline())
                    self.commands.add(command)
                    environment = process.environ()
                except (psutil.Error, OSError):
                    continue
                mine = environment.get(World.MARK) == self._world.mark
                if mine and "--until-stdin-closes" in command:
                    self.relay_environments.add(repr(environment))

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


class Scene:
    """A relay and two people, each logging all it can; and what they all let out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = World(folder)
        self.world.environment |= {
            "FILESEND_LOG_LEVEL": "debug",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "FILESEND_ICE_SERVERS": "turn:127.0.0.1:9?transport=tcp",
            "FILESEND_TURN_USERNAME": "ann",
            "FILESEND_TURN_CREDENTIAL": TURN_PASSWORD,
        }
        self.watch = Watch(self.world)
        self.confessions = folder / "confessions"
        self.people: list[Filesend] = []

    def person(self, name: str, crash: str, *arguments: str | Path, **popen: Any) -> Filesend:
        environment = self.world.environment | {
            "FILESEND_NAME": name,
            "FILESEND_LOG_FILE": str(self.folder / f"{name}.log"),
        }
        before = [str(self.confessions), crash]
        process = Filesend(
            [*before, *arguments], environment, module="tests.security.confessing", **popen
        )
        self.world.processes.append(process)
        self.people.append(process)
        return process

    def secrets(self) -> dict[str, bytes]:
        """Where each is from, and what it is: keys alone, not what is too short to be one."""
        lines = self.confessions.read_text().splitlines()
        found = [json.loads(line) for line in lines]
        return {
            f"{number} {each['where']}": bytes.fromhex(each["secret"])
            for number, each in enumerate(found)
            if len(each["secret"]) >= 32
        }

    def wait_for_crash(self) -> None:
        deadline = time.monotonic() + TIMEOUT
        while "a crash on purpose" not in self.logs():
            assert time.monotonic() < deadline, "what is searched here is a traceback"
            time.sleep(0.1)

    def logs(self) -> str:
        files = [path for path in self.folder.glob("*.log") if path.is_file()]
        return "\n".join(path.read_text(errors="replace") for path in files)

    def close(self) -> None:
        self.watch.stop()
        self.world.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.close()


def spellings(secret: bytes) -> set[str]:
    """How bytes may stand in a text."""
    return {
        secret.hex(),
        secret.hex().upper(),
        secret.hex(" "),
        secret.hex(":").upper(),
        base64.b64encode(secret).decode().rstrip("="),
        base64.urlsafe_b64encode(secret).decode().rstrip("="),
        repr(secret)[2:-1],
        str(list(secret))[1:-1],
    }


def found(haystack: str, secrets: dict[str, bytes]) -> list[str]:
    return [
        where
        for where, secret in secrets.items()
        if any(each in haystack for each in spellings(secret))
    ]


def figures(url: str) -> str:
    """What the relay tells everybody who asks."""
    said = ""
    for path in ("/metrics", "/healthz"):
        with urllib.request.urlopen(url + path, timeout=TIMEOUT) as response:
            said += str(response.headers) + response.read().decode()
    return said


CODE = new_code(7)
KEY = os.urandom(32)
MAGNET = f"magnet:?xt=urn:btih:{KEY[:20].hex()}"
TURN = IceServer(urls="turn:turn.example", username="ann", credential=TURN_PASSWORD)
TURN_LOGIN = TurnLogin(urls=(TURN.urls,), username="1:a", credential=TURN_PASSWORD)


@pytest.mark.parametrize(
    "holder",
    [
        CODE,
        Pairing(CODE, Side.MAKER),
        Secret(KEY),
        Pairing(Secret(KEY), Side.MAKER),
        SharedKey(KEY, KEY, CODE.text),
        SealedSignaling(KEY[:20], KEY),
        e.Code(code=CODE.text, expires_seconds=600),
        OwnCode(CODE.text, 600),
        e.FileReady(transfer="1", magnet_uri=MAGNET),
        e.AddTorrent(transfer="1", magnet_uri=MAGNET),
        FileReady(id="a" * 16, magnet_uri=MAGNET, swarm_key=KEY),
        TURN,
        ClientConfig(ice_servers=(TURN,)),
        Settings(name="Ann", ice_servers=(TURN,)),
        TURN_LOGIN,
        Roads(pass_=None, stun_port=None, turn=TURN_LOGIN),
        RelayEntry("relay.example", "", "", "", b"", TURN_LOGIN),
        TurnServers(TURN_LOGIN.urls, TURN_PASSWORD.encode()),
        Server(TURN, parse_turn_url(TURN.urls)),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_what_holds_a_secret_does_not_show_it(holder: object) -> None:
    for text in (repr(holder), str(holder), pretty_repr(holder), f"{[holder]}"):
        assert not found(text, {"key": KEY, "infohash": KEY[:20]})
        assert not any(word in text for word in CODE.words)
        assert TURN_PASSWORD not in text


def test_the_search_finds_what_is_there() -> None:
    key = os.urandom(32)
    for text in spellings(key):
        assert found(f"… {text} …", {"key": key}) == ["key"]
    assert not found("…", {"key": key})


@pytest.mark.webrtc
@pytest.mark.slow
@pytest.mark.xdist_group("processes")
@pytest.mark.parametrize("crash", CRASHES)
def test_a_transfer_lets_no_secret_out(scene: Scene, crash: str) -> None:
    relay = scene.world.start("relay", "--port", "0")
    url = scene.world.environment["FILESEND_RELAY"] = relay.wait_for_line("ready at").split()[-1]
    source = fill(scene.folder / "source" / "film.bin", 500_000)
    sender = scene.person("Ann", "-", "send", "--json", source)
    code = sender.wait_for("code")["code"]
    inbox = scene.folder / "inbox"
    receiver = scene.person(
        "Bob", crash, "receive", "--yes", "--json", "-o", inbox, stdin=subprocess.PIPE
    )
    assert receiver.process.stdin is not None
    receiver.process.stdin.write(f"{code}\n")
    receiver.process.stdin.flush()
    sender.wait_for("paired")
    told = figures(url)
    if crash == "-":
        assert [sender.end(), receiver.end()] == [0, 0]
        assert contents(inbox) == contents(source.parent)
    else:
        scene.wait_for_crash()
        for person in scene.people:
            person.process.terminate()
            person.end()
    told += figures(url)
    relay.process.terminate()
    relay.end()

    secrets = scene.secrets()
    kinds = {where.split()[1] for where in secrets}
    assert kinds >= {"pake", "derived"} | ({"random"} if crash == "-" else set())
    words = code.partition("-")[2]
    logs = scene.logs()
    if crash != "-":
        assert "a crash on purpose" in logs, "what is searched here is a traceback"
    said = "\n".join(line for person in scene.people for line in person.lines + person.errors)
    own = [line for person in scene.people for line in person.lines if '"event":"code"' in line]
    assert len(own) == 1, "where the code is shown to who shall pass it on, and nowhere else"
    everything = {
        "logs": logs,
        "what the people see": said.replace(own[0], ""),
        "what the relay says": "\n".join(relay.lines + relay.errors) + told,
        "command lines": "\n".join(scene.watch.commands),
    }
    for where, text in everything.items():
        assert not found(text, secrets), where
        for separator in "- _\0":
            assert words.replace("-", separator) not in text.lower(), where
        assert TURN_PASSWORD not in text, where
        for line in ("a=ice-pwd", "a=fingerprint", "candidate:"):
            assert line not in text, where
    # The magnet is for the two alone, and it is in the events that they asked for.
    seeding = next((event for event in sender.events if event["event"] == "seeding"), None)
    if crash == "-":
        assert seeding is not None
    if seeding is not None:
        for where in ("logs", "what the relay says", "command lines"):
            assert seeding["infoHash"] not in everything[where].lower(), where


@pytest.mark.slow
@pytest.mark.xdist_group("processes")
def test_the_relay_that_is_started_along_is_told_no_password(scene: Scene) -> None:
    """It is a child of this program, and what a child is told stands in its environment."""
    scene.world.environment["FILESEND_PORT"] = str(free_port())
    source = fill(scene.folder / "source" / "film.bin", 1_000)
    sender = scene.person("Ann", "-", "send", "--json", source)
    sender.wait_for("code")
    process = psutil.Process(sender.process.pid)
    (child,) = process.children()
    environment = child.environ()
    assert "--until-stdin-closes" in child.cmdline()
    assert World.MARK in environment
    assert not [key for key in environment if key.startswith("FILESEND_TURN")]
    assert TURN_PASSWORD not in repr(environment)
    sender.process.terminate()
    sender.end()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


# --- a password that others can read already

SETTINGS = f"""
relay = "http://127.0.0.1:9"
ice_servers = [{{ urls = "turn:turn.example", username = "ann", credential = "{TURN_PASSWORD}" }}]
"""


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    if os.name == "nt":
        pytest.skip("Windows' modes do not say who may read")
    path = tmp_path / "my settings.toml"
    path.write_text(SETTINGS)
    path.chmod(0o644)
    return path


def _run(settings: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if "FILESEND" not in key}
    return subprocess.run(
        [sys.executable, "-m", "filesend_tui", *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=environment | {"FILESEND_SETTINGS": str(settings)},
        timeout=60,
    )


@pytest.mark.parametrize(
    "command", [["send", __file__], ["receive", "7-apple-violin", "--yes"], ["seed", __file__]]
)
@pytest.mark.parametrize("json_lines", [False, True])
def test_a_turn_password_that_others_can_read_is_said_once(
    settings: Path, command: list[str], json_lines: bool
) -> None:
    if json_lines:
        command = [*command, "--json"]
    ran = _run(settings, *command)
    assert ran.returncode == 4, ran.stderr  # as without it: nobody answers there
    assert ran.stderr.count("Warning: ") == 1
    assert f"can read the password in {settings}." in ran.stderr
    assert f"chmod 600 '{settings}'" in ran.stderr
    assert "Warning" not in ran.stdout
    assert TURN_PASSWORD not in ran.stdout + ran.stderr
    settings.chmod(0o600)
    assert "Warning" not in _run(settings, *command).stderr


@pytest.mark.usefixtures("cores_allowed")  # and put back
def test_the_screens_say_so_too(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Notice | None] = []

    class Screens(FileSendApp):
        def run(self, **_: object) -> None:
            told.append(self._warning)

    monkeypatch.setattr("filesend_tui.app.FileSendApp", Screens)
    monkeypatch.setenv("FILESEND_SETTINGS", str(settings))
    run_screens(load())
    settings.chmod(0o600)
    run_screens(load())
    first, second = told
    assert first is not None
    assert first.level is Level.WARNING
    assert str(settings) in first.message
    assert "chmod 600" in first.hint
    assert TURN_PASSWORD not in repr(first)
    assert second is None


# --- a crash of the process itself


@pytest.fixture
def cores_allowed() -> Iterator[None]:
    """Let this process, and what it starts, dump its memory where it crashes."""
    if os.name == "nt":
        pytest.skip("Windows has no core dumps")
    import resource

    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, before)


@pytest.mark.usefixtures("cores_allowed")
@pytest.mark.parametrize("number", ["SIGABRT", "SIGSEGV"])
def test_a_crash_writes_no_memory_to_the_disk(scene: Scene, tmp_path: Path, number: str) -> None:
    """Wherever this system puts a core, the kernel says whether it made one."""
    (tmp_path / "cwd").mkdir()
    scene.world.start_relay()
    cwd = tmp_path / "cwd"
    sender = scene.world.start("send", "--json", __file__, cwd=cwd, in_full=True)
    sender.wait_for("code")  # there are keys from here on
    sender.signal(getattr(signal, number))
    _, status = os.waitpid(sender.process.pid, 0)
    sender.process.returncode = -os.WTERMSIG(status)
    assert os.WTERMSIG(status) == getattr(signal, number)
    assert not os.WCOREDUMP(status)
    assert not list((tmp_path / "cwd").iterdir())


@pytest.mark.usefixtures("cores_allowed")
def test_the_screens_leave_no_core_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    limits: list[int] = []

    class Screens(FileSendApp):
        def run(self, **_: object) -> None:
            limits.append(resource.getrlimit(resource.RLIMIT_CORE)[0])

    monkeypatch.setattr("filesend_tui.app.FileSendApp", Screens)
    run_screens(Settings(name="Ann", output=tmp_path))
    assert limits[0] in {0, 1}
