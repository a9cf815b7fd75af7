"""The relay's TURN credentials: who is given some, what is in them, and what the secret may be."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
import os
import sys
from pathlib import Path

import msgspec
import pytest

from relay.protocol import words
from relay.protocol.turn import MAX_SERVERS, parse_turn_url
from relay.protocol.words import Roads
from relay.turn import TurnServers, turn_servers
from tests.conftest import running_relay
from tests.relay.conftest import Connect, Person, pair
from tests.relay.test_server import end, spawn

SECRET = b"0123456789abcdef0123456789abcdef"
HOUR = 3600
NOON = 1_900_000_800  # a full hour
URLS = ["turn:turn.example:3478?transport=udp", "turns:turn.example:5349"]


def servers(at: float = NOON) -> TurnServers:
    return TurnServers(URLS, SECRET, clock=lambda: at)


async def turn_of(person: Person) -> object:
    return (await person.call("askRoads", {}))["turn"]


async def proven(one: Person, other: Person) -> str:
    """Pair two people up to the first word that only those say who share a code."""
    room = await pair(one, other)
    body = base64.b64encode(bytes(16)).decode()
    assert await one.call("hello", {"room": room, "body": body}) == {}
    return room


# --- what is given


def test_a_credential_is_as_coturns_scheme_says() -> None:
    login = servers().login("192.0.2.7")
    assert list(login.urls) == URLS
    ends, _, whose = login.username.partition(":")
    assert 12 * HOUR <= int(ends) - NOON <= 13 * HOUR
    assert whose
    mac = hmac.new(SECRET, login.username.encode(), hashlib.sha1).digest()
    assert base64.b64decode(login.credential) == mac


def test_an_address_has_one_username_in_an_hour_that_says_nothing_of_it() -> None:
    def named(address: str, at: float = NOON + 1) -> str:
        return servers(at).login(address).username

    assert named("192.0.2.7") == named("192.0.2.7", NOON + HOUR)
    assert named("192.0.2.7") != named("192.0.2.8")
    # Of IPv6 a machine has a /64.
    assert named("2001:db8::1") == named("2001:db8::2") != named("2001:db8:0:1::1")
    later = named("192.0.2.7", NOON + HOUR + 1)
    assert not set(later.split(":")) & set(named("192.0.2.7").split(":"))


def test_nobody_sees_the_secret_or_a_credential() -> None:
    made = servers()
    login = made.login("192.0.2.7")
    for shown in (repr(made), repr(login), repr(Roads(pass_=None, stun_port=None, turn=login))):
        assert login.credential not in shown
        assert SECRET.decode() not in shown


# --- who is given it


async def test_people_who_are_paired_are_given_credentials_and_nobody_else(
    connect: Connect,
) -> None:
    with running_relay(turn=servers()) as relay:
        one, other, stranger = [await connect(relay.url) for _ in range(3)]
        assert await turn_of(one) is None
        room = await proven(one, other)
        for person in (one, other):
            given = await turn_of(person)
            assert isinstance(given, dict)
            assert given["urls"] == URLS
            assert {*given} == {"urls", "username", "credential"}
        assert await turn_of(stranger) is None
        assert relay.server._app._metrics.turn._value.get() == 2
        await one.call("leave", {"room": room})
        for person in (one, other):
            assert await turn_of(person) is None
        assert relay.server._app._metrics.turn._value.get() == 2


async def test_who_claims_anybodys_code_is_given_none_before_it_is_proven(
    connect: Connect,
) -> None:
    """Numbers are short: whoever tries one is in a room with its maker, and not paired."""
    with running_relay(turn=servers()) as relay:
        maker, guesser = await connect(relay.url), await connect(relay.url)
        await pair(maker, guesser)
        assert await turn_of(guesser) is None
        assert await turn_of(maker) is None


async def test_who_meets_at_a_place_is_given_some(connect: Connect) -> None:
    with running_relay(turn=servers()) as relay:
        one, other = await connect(relay.url), await connect(relay.url)
        place = base64.b64encode(os.urandom(32)).decode()
        await one.call("meet", {"place": place})
        assert await turn_of(one) is None
        await other.call("meet", {"place": place})
        assert await turn_of(one)
        assert await turn_of(other)


async def test_a_relay_without_turn_servers_names_none(connect: Connect) -> None:
    with running_relay() as relay:
        one, other = await connect(relay.url), await connect(relay.url)
        await proven(one, other)
        assert await turn_of(one) is None


# --- the word


def test_relays_and_clients_of_before_and_after_understand_each_other() -> None:
    before = words.parse(Roads, {"pass": None, "stunPort": 8421})
    assert before.turn is None
    login = {"urls": URLS, "username": "1:a", "credential": "x", "realm": "new"}
    after = words.parse(Roads, {"pass": None, "stunPort": None, "turn": login, "quic": 1})
    assert after.turn is not None
    assert list(after.turn.urls) == URLS


@pytest.mark.parametrize(
    "changed",
    [
        {"urls": []},
        {"urls": ["turn:a"] * (MAX_SERVERS + 1)},
        {"urls": ["turn:" + "a" * 300]},
        {"urls": ["turn:a\r\nSMTP"]},
        {"username": "a" * 300},
        {"username": "a b"},
        {"credential": ""},
        {"credential": "a\0"},
    ],
    ids=["none", "many", "long", "lines", "a long user", "a blank", "no password", "a NUL"],
)
def test_what_is_out_of_bounds_is_refused(changed: dict[str, object]) -> None:
    login = {"urls": URLS, "username": "1:a", "credential": "x"} | changed
    with pytest.raises(msgspec.ValidationError):
        words.parse(Roads, {"pass": None, "stunPort": None, "turn": login})


# --- URLs


@pytest.mark.parametrize(
    ("url", "host", "port", "transport"),
    [
        ("turn:turn.example", "turn.example", 3478, "udp"),
        ("turn:turn.example:80?transport=tcp", "turn.example", 80, "tcp"),
        ("turn:[2001:db8::1]:80?transport=udp", "2001:db8::1", 80, "udp"),
        ("turns:192.0.2.1", "192.0.2.1", 5349, "tls"),
        ("turns:turn.example:443?transport=tcp", "turn.example", 443, "tls"),
    ],
    ids=["short", "tcp", "ipv6", "tls", "tls on 443"],
)
def test_what_a_url_says(url: str, host: str, port: int, transport: str) -> None:
    assert parse_turn_url(url) == (host, port, transport)


@pytest.mark.parametrize(
    "url",
    [
        *("", "turn:", "turn.example", "stun:turn.example", "http://turn.example"),
        *("turn://turn.example", "turn:ann:pass@turn.example", "turn:a:0", "turn:a:65536"),
        *("turn:a?transport=sctp", "turns:a?transport=udp", "turn:a/b", "turn:a b", "turn:a\n"),
        "turn:" + "a" * 300,
    ],
)
def test_what_is_no_turn_server(url: str) -> None:
    with pytest.raises(ValueError, match="TURN") as refused:
        parse_turn_url(url)
    assert "pass@" not in str(refused.value)


# --- the secret's file


def test_a_secret_is_read_without_the_line_break(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(SECRET + b"\n")
    made = turn_servers(URLS, file)
    assert made is not None
    assert made._secret == SECRET
    assert turn_servers([], None) is None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"hunter2", "16 to 1024"),
        (b"x" * 5000, "16 to 1024"),
        (b"static-auth-secret hunter2hunter2hunter2", "more than one word"),
    ],
    ids=["nothing", "blanks", "short", "long", "words"],
)
def test_what_is_no_secret(tmp_path: Path, content: bytes, why: str) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=why) as refused:
        turn_servers(URLS, file)
    assert "hunter2" not in str(refused.value)


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        turn_servers(URLS, tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"is no file|cannot be read"):
        turn_servers(URLS, tmp_path)
    if os.name != "nt":
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ValueError, match="is no file"):
            turn_servers(URLS, tmp_path / "pipe")


def test_one_without_the_other(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--turn-secret-file"):
        turn_servers(URLS, None)
    with pytest.raises(ValueError, match="needs --turn,"):
        turn_servers([], tmp_path / "secret")
    with pytest.raises(ValueError, match=f"1 to {MAX_SERVERS}"):
        TurnServers(URLS * MAX_SERVERS, SECRET)


@pytest.mark.skipif(os.name == "nt", reason="Windows' modes do not say who may read")
def test_a_secret_that_others_can_read_is_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "secret"
    file.write_bytes(SECRET)
    file.chmod(0o600)
    with caplog.at_level(logging.WARNING):
        turn_servers(URLS, file)
        assert not caplog.records
        file.chmod(0o644)
        turn_servers(URLS, file)
    (told,) = caplog.records
    assert "chmod 600" in told.getMessage()
    assert SECRET.decode() not in told.getMessage()


# --- the process


async def test_a_process_without_its_secret_says_so_in_one_line(tmp_path: Path) -> None:
    empty = tmp_path / "secret"
    empty.touch()
    options = ("--port", "0", "--turn", URLS[0], "--turn-secret-file", str(empty))
    status, out, err = await end(await spawn(*options))
    assert status == 1
    assert out == b""
    assert err.startswith(b"FileSend relay cannot give out TURN credentials: ")
    assert b"is empty" in err
    assert err.count(b"\n") == 1


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--turn", "http://x"], 2, "turn:host:3478"),
        (["--turn", "turn:x"], 1, "needs --turn-secret-file"),
        (["--turn", "turn:x", "--turn-secret-file", "nowhere"], 1, "cannot be read"),
    ],
    ids=["no server", "no secret", "no file"],
)
async def test_filesend_relay_says_so_too(
    tmp_path: Path, options: list[str], status: int, said: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "filesend_tui", "relay", "--port", "1", *options),
        env={**os.environ, "FILESEND_SETTINGS": str(tmp_path / "none.toml")},
        cwd=Path(__file__).parents[2],
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == status
    assert said in " ".join(told.decode().split())
