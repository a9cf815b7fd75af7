"""Whatever stands in an option, a variable or the settings file: it is taken, or refused in a line.

No traceback: an exception of a parser or a library, of whatever type, is one this program knows.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import typer.main
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from filesend_tui.__main__ import begin
from filesend_tui.cli import compose
from filesend_tui.cli.root import cli
from filesend_tui.core.client import Client
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.transports.webrtc.ice import configuration
from filesend_tui.headless.exit_codes import ExitCode
from filesend_tui.settings.load import Settings, SettingsError, load
from filesend_tui.settings.schema import FILE_VARIABLE, SETTINGS

#: What people and scripts get wrong, and what parsers trip over.
WORDS = [
    *("", " ", "~", "~nobody", "~nobody/x", "~/x", "~\x00", ".", "-", "--", "/", "none", "auto"),
    *("http://", "http://[", "http://[::1", "http://a:b", "http://a:99999", "ws://[", "://", "a@b"),
    *("stun:", "stun:a:b", "stun:a:99999", "turn:[", "stun:a?transport=x", "stun:a,,stun:b", "@"),
    *(
        "0",
        "-1",
        "1e9",
        "99999999999999999999",
        "9" * 5000,
        "²",
        "٣",
        "0x10",
        "1_000",
        "nan",
        "inf",
    ),
    *(
        "500k",
        "1.5 MB/s",
        "9" * 12 + "G",
        "1.2.3",
        "10.0.0.0/33",
        "::/129",
        "10.0.0.1/8",
        "fe80::%",
    ),
    *("a\nb", "a\rb", "\x1b[2J", "\u202e", "\udcff", "a" * 300, "a..b", "x" * 5000, "ünïcödé"),
    *("redis://", "redis://[", "redis://:p@h:99999", "redis://h/x", "redis://h?a=b", "unix://"),
    *("memory", "redis://h?db=-1", "rediss://h?ssl_ca_certs=x", "redis://u:p@h"),
    *("magnet:?xt=urn:btih:" + "0" * 40 + "&tr=ws://[", "magnet:", "4711-apple-violin"),
]
VALUES = st.one_of(
    st.sampled_from(WORDS), st.text(max_size=40), st.text("~/.:@[]?#0a-", max_size=9)
)
#: In a process's arguments and variables: no NUL, and any byte otherwise.
ARGUMENTS = VALUES.map(lambda text: text.replace("\x00", ""))
#: One takes 30 ms of a core, and there are a hundred tests of them.
ROUNDS = settings(
    max_examples=100 if os.environ.get("HYPOTHESIS_PROFILE") == "fuzz" else 12,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
ROOT: Any = typer.main.get_command(cli)
pytestmark = pytest.mark.fuzz


def options() -> Iterator[tuple[str, str]]:
    """Every option that takes a value, by its command; those of no command too."""
    below = [
        (f"{name} {each}", command)
        for name, group in ROOT.commands.items()
        for each, command in getattr(group, "commands", {}).items()
    ]
    for name, command in [("", ROOT), *ROOT.commands.items(), *below]:
        for parameter in command.params:
            takes_value = parameter.param_type_name == "option" and not parameter.is_flag
            if takes_value and "completion" not in parameter.opts[0]:
                yield name, parameter.opts[0]


#: What each command needs beside the option at hand.
NEEDED = {
    "": ["receive", "--yes"],
    "send": [__file__],
    "receive": ["4711-apple-violin", "--yes"],
    "seed": [__file__],
    "download": ["magnet:?xt=urn:btih:" + "0" * 40],
    "listen": ["--yes"],
    "contacts": [],
    "contacts forget": ["Ann"],
    "contacts rename": ["Ann", "Annie"],
    "contacts allow": ["Ann"],
    "resume": [],
    "forget": ["--all"],
    "history": [],
    "limit": [],
    "doctor": [],
    "relay": [],
    "relay status": [],
    "page": [],
}


@pytest.fixture
def going_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Settings]]:
    """Each command stops where it would begin: with a client made from its settings."""
    begun: list[Settings] = []

    async def made(config: ClientConfig) -> Client:
        return Client(config)  # which belongs to an event loop

    def run(_command: object, settings: Settings, places: Sequence[str], **_: object) -> int:
        begun.append(settings)
        config = settings.client_config(output=tmp_path, meeting_places=places)
        asyncio.run(made(config))
        configuration(config)
        return ExitCode.DONE

    monkeypatch.setattr(compose, "run", run)
    monkeypatch.setattr("relay.server.RelayServer.run", lambda _self: None)
    monkeypatch.setattr("filesend_tui.headless.doctor.run", lambda *_, **__: ExitCode.DONE)
    monkeypatch.setattr("filesend_tui.headless.relays.status.run", lambda *_, **__: ExitCode.DONE)
    monkeypatch.setattr("filesend_tui.headless.relays.page.page_key_of", told_no_key)
    monkeypatch.chdir(tmp_path)
    for home in ("HOME", "USERPROFILE"):  # what ~ means: files are made there
        monkeypatch.setenv(home, str(tmp_path))
    for name in [name for name in os.environ if name.startswith("FILESEND_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FILESEND_SETTINGS", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("FILESEND_STATE", str(tmp_path / "state"))
    handlers = logging.getLogger().handlers[:]
    yield begun
    logging.getLogger().handlers[:] = handlers


async def told_no_key(*_: object) -> None:
    """Instead of a relay's, asked over the network."""


def run(*arguments: str) -> None:
    """Run a command line; it must begin, or be refused with one error and 2.

    relay, limit and page may fail as well, with 1.
    """
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["filesend", *arguments]),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        begin()
    # It cannot listen there; nothing runs; no page is there, or made without a key.
    fails = arguments[0] in ("relay", "limit", "page")
    assert ended.value.code in (0, ExitCode.USAGE, ExitCode.FAILED if fails else 0)
    if ended.value.code == ExitCode.USAGE:
        errors = [line for line in err.getvalue().splitlines() if line.startswith("Error: ")]
        assert len(errors) == 1, err.getvalue()
        assert "Traceback" not in err.getvalue()
        assert out.getvalue() == ""


@pytest.mark.parametrize(("command", "option"), options())
@ROUNDS
@given(value=ARGUMENTS)
@example(value="~nobody")
@example(value="9" * 5000)
def test_any_option(
    going_no_further: list[Settings], command: str, option: str, value: str
) -> None:
    if option in ("--log-file", "--page-key-file"):
        value = value.lstrip("/").replace("..", "")  # it is made
    if option == "--host":
        value = value if value in WORDS else "a..b"  # it is looked up
    if command:
        run(*command.split(), *NEEDED[command], option, value)
    else:
        run(option, value, *NEEDED[command])


@pytest.mark.parametrize("command", ["send", "seed", "download"])
@ROUNDS
@given(value=ARGUMENTS)
def test_any_argument(going_no_further: list[Settings], command: str, value: str) -> None:
    run(command, "--", value)


def usable(environment: dict[str, str], options: dict[str, Any] | None = None) -> None:
    """Settings come of it that a client can be made of, or a SettingsError of one line."""
    try:
        made = load(options or {}, environment)
    except SettingsError as refused:
        assert str(refused)
    else:
        made.client_config(output=Path(), meeting_places=[made.relay or "ws://["])


@pytest.mark.parametrize(
    "name",
    [FILE_VARIABLE, *(each.variable for each in SETTINGS if each.variable)],
)
@ROUNDS
@given(value=ARGUMENTS)
@example(value="~nobody")
def test_any_variable(tmp_path: Path, name: str, value: str) -> None:
    usable({"FILESEND_SETTINGS": str(tmp_path / "settings.toml"), name: value})


def toml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return '"' + "".join(f"\\U{ord(char):08x}" for char in value) + '"'
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            pairs = (f"{toml(key)} = {toml(each)}" for key, each in value.items())
            return f"{{{', '.join(pairs)}}}"
    return str(value)


SCALARS = st.one_of(
    VALUES.filter(lambda text: not any("\ud800" <= char < "\ue000" for char in text)),
    st.integers(-(2**70), 2**70),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda number: f"{number:.6f}").map(float),
)
FILE_VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["urls", "username", "credential", "x"]), inner, max_size=3
        )
    ),
    max_leaves=5,
)


@pytest.mark.parametrize("key", [each.key for each in SETTINGS if each.example])
@ROUNDS
@given(value=FILE_VALUES)
@example(value="~nobody")
@example(value="a\x00b")
def test_any_value_in_the_settings_file(tmp_path: Path, key: str, value: Any) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(f"{key} = {toml(value)}\n", encoding="utf-8")
    usable({"FILESEND_SETTINGS": str(path)})


@ROUNDS
@given(
    content=st.one_of(
        st.binary(max_size=60),
        st.text(max_size=60).map(lambda t: t.encode("utf-8", "surrogatepass")),
    )
)
@example(content=b"name = " + b"[" * 5000)
@example(content=b"port = 2024-13-45\n")
@example(content=b"\xff\xfe")
def test_any_settings_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(content)
    usable({"FILESEND_SETTINGS": str(path)})
