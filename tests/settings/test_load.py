"""settings/load.py: what beats what, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from filesend_tui.core.config import IceServer
from filesend_tui.core.transports.webrtc.native import library
from filesend_tui.settings.load import (
    DEFAULT_ICE_SERVERS,
    DEFAULT_TRACKERS,
    Settings,
    SettingsError,
    is_loopback,
    load,
    settings_path,
)
from relay.protocol.store import StoreUrl
from relay.protocol.words import DEFAULT_PORT


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"FILESEND_SETTINGS": str(tmp_path / "settings.toml")}


def write(environment: dict[str, str], text: str) -> None:
    Path(environment["FILESEND_SETTINGS"]).write_text(text, encoding="utf-8")


def test_defaults_without_file_or_environment(environment: dict[str, str]) -> None:
    settings = load({}, environment)
    assert settings == Settings(name=settings.name)
    assert settings.name
    assert (settings.relay, settings.port, settings.output) == (None, DEFAULT_PORT, None)


SOURCES: list[tuple[str, str, str, str, Any, Any, Any]] = [
    # field, file, variable, its value, option, and what each of the three means
    ("name", '"File"', "FILESEND_NAME", "Env", "Opt", "File", "Env"),
    (
        "relay",
        '"http://file:1"',
        "FILESEND_RELAY",
        "env:2/",
        "https://opt",
        "http://file:1",
        "http://env:2",
    ),
    ("port", "1", "FILESEND_PORT", "2", 3, 1, 2),
    ("listen", '"Local"', "FILESEND_LISTEN", "lan", "local", "local", "lan"),
    ("output", '"/file"', "FILESEND_OUTPUT", "/env", Path("/opt"), Path("/file"), Path("/env")),
    (
        "ice_servers",
        '["stun:file:1"]',
        "FILESEND_ICE_SERVERS",
        "stun:env:1, stun:env:2",
        (),
        (IceServer(urls="stun:file:1"),),
        (IceServer(urls="stun:env:1"), IceServer(urls="stun:env:2")),
    ),
    ("road", '"Direct"', "FILESEND_ROAD", "webrtc", "auto", "direct", "webrtc"),
    ("port_mapping", "true", "FILESEND_PORT_MAPPING", "no", False, True, False),
    ("direct_port", "4001", "FILESEND_DIRECT_PORT", "4002", 4003, 4001, 4002),
    ("webrtc", '"Auto"', "FILESEND_WEBRTC", "aiortc", "auto", "auto", "aiortc"),
    ("upload_limit", '"500k"', "FILESEND_UPLOAD_LIMIT", "2 MB/s", 4000, 500_000, 2_000_000),
    ("download_limit", "64000", "FILESEND_DOWNLOAD_LIMIT", "1.5MiB", 4000, 64_000, 1_572_864),
    (
        "web",
        '"https://file/"',
        "FILESEND_WEB",
        "http://env/",
        "https://opt/",
        "https://file/",
        "http://env/",
    ),
    (
        "turn",
        '["turn:file"]',
        "FILESEND_TURN",
        "turn:env:1, turns:env",
        ("turn:opt?transport=tcp",),
        ("turn:file",),
        ("turn:env:1", "turns:env"),
    ),
    (
        "turn_secret_file",
        '"/file"',
        "FILESEND_TURN_SECRET_FILE",
        "/env",
        Path("/opt"),
        Path("/file"),
        Path("/env"),
    ),
    ("drain", '"30s"', "FILESEND_DRAIN", "1m", 5, 30.0, 60.0),
    (
        "allow_from",
        '["10.0.0.0/8"]',
        "FILESEND_ALLOW_FROM",
        "10.1.0.0/16, ::1",
        ("192.0.2.7/32",),
        ("10.0.0.0/8",),
        ("10.1.0.0/16", "::1/128"),
    ),
    (
        "ban_file",
        '"/file"',
        "FILESEND_BAN_FILE",
        "/env",
        Path("/opt"),
        Path("/file"),
        Path("/env"),
    ),
    (
        "tls_cert",
        '"/file"',
        "FILESEND_TLS_CERT",
        "/env",
        Path("/opt"),
        Path("/file"),
        Path("/env"),
    ),
    (
        "tls_key",
        '"/file"',
        "FILESEND_TLS_KEY",
        "/env",
        Path("/opt"),
        Path("/file"),
        Path("/env"),
    ),
    (
        "page_key_file",
        '"/file"',
        "FILESEND_PAGE_KEY_FILE",
        "/env",
        Path("/opt"),
        Path("/file"),
        Path("/env"),
    ),
    (
        "store_file",
        '"/file"',
        "FILESEND_STORE_FILE",
        "/env",
        Path("/opt"),
        Path("/file"),
        Path("/env"),
    ),
    ("log_level", '"info"', "FILESEND_LOG_LEVEL", "DEBUG", "error", "info", "debug"),
    ("log_format", '"json"', "FILESEND_LOG_FORMAT", "TEXT", "json", "json", "text"),
    ("log_file", '"/file"', "FILESEND_LOG_FILE", "/env", Path("/opt"), Path("/file"), Path("/env")),
]


@pytest.mark.parametrize(
    ("field", "in_file", "variable", "in_env", "option", "from_file", "from_env"),
    SOURCES,
    ids=[source[0] for source in SOURCES],
)
def test_option_beats_environment_beats_file(
    environment: dict[str, str],
    field: str,
    in_file: str,
    variable: str,
    in_env: str,
    option: Any,
    from_file: Any,
    from_env: Any,
) -> None:
    write(environment, f"{field} = {in_file}\n")
    assert getattr(load({}, environment), field) == from_file
    environment[variable] = in_env
    assert getattr(load({field: None}, environment), field) == from_env
    given = ["none"] if field == "ice_servers" else option
    assert getattr(load({field: given}, environment), field) == option


def test_a_password_of_a_store_comes_from_anywhere_but_an_option(
    environment: dict[str, str],
) -> None:
    write(environment, 'store = "redis://:hush@file"\n')
    assert load({}, environment).store == StoreUrl("redis://:hush@file")
    Path(environment["FILESEND_SETTINGS"]).chmod(0o644)
    assert load({}, environment).exposed is not None
    environment["FILESEND_STORE"] = "redis://:hush@env"
    settings = load({"store": None}, environment)
    assert settings.store == StoreUrl("redis://:hush@env")
    assert "hush" not in repr(settings)
    assert load({"store": "redis://opt"}, environment).store == StoreUrl("redis://opt")
    assert load({"store": "memory"}, environment).store is None
    for option, why in (("redis://:hush@opt", "--store-file"), ("hush", "a store is")):
        with pytest.raises(SettingsError, match=f"^--store: .*{why}") as caught:
            load({"store": option}, environment)
        assert "hush" not in str(caught.value)


@pytest.mark.parametrize("in_file", ["[]", '["none"]'])
def test_no_trackers_are_none_and_not_the_usual_ones(
    environment: dict[str, str], in_file: str
) -> None:
    assert load({}, environment).trackers == DEFAULT_TRACKERS
    write(environment, f"trackers = {in_file}\n")
    assert load({}, environment).trackers == ()
    assert load({"trackers": ["wss://a.example"]}, environment).trackers == ("wss://a.example",)
    write(environment, 'trackers = ["wss://a.example"]\n')
    environment["FILESEND_TRACKERS"] = "none"
    assert load({}, environment).trackers == ()


def test_no_limit_beats_a_limit(environment: dict[str, str]) -> None:
    write(environment, 'upload_limit = "1M"\n')
    settings = load({"upload_limit": "none"}, environment)
    assert settings.client_config(output=Path(), meeting_places=[]).upload_limit is None


def test_the_client_is_told_the_limits(environment: dict[str, str]) -> None:
    settings = load({"upload_limit": "1M", "download_limit": "500k"}, environment)
    config = settings.client_config(output=Path(), meeting_places=[])
    assert (config.upload_limit, config.download_limit) == (1_000_000, 500_000)


def test_the_client_is_told_the_page_of_share_links(environment: dict[str, str]) -> None:
    settings = load({"web": "https://instant.io"}, environment)
    config = settings.client_config(output=Path(), meeting_places=[])
    assert config.share_page == "https://instant.io"


@pytest.mark.parametrize("installed", [True, False])
def test_a_stack_that_is_missing_cannot_be_forced(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    monkeypatch.setattr(library, "installed", lambda: installed)
    if not installed:
        with pytest.raises(SettingsError, match=r"--webrtc: .*filesend-tui\[fast\]"):
            load({"webrtc": "native"}, environment)
        return
    settings = load({"webrtc": "native"}, environment)
    assert settings.client_config(output=Path(), meeting_places=[]).webrtc == "native"


def test_an_empty_variable_is_not_set(environment: dict[str, str]) -> None:
    write(environment, 'name = "File"\n')
    assert load({}, environment | {"FILESEND_NAME": ""}).name == "File"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("colour = 1", "colour"),
        ("name = 1", "name"),
        ("port = 0", "port"),
        ('relay = "ftp://x"', "relay"),
        ('relay_only = "yes"', "relay_only"),
        ('log_level = "loud"', "log_level"),
        ('road = "high"', "auto, direct, webrtc"),
        ("direct_port = 70000", "direct_port"),
        ("port_mapping = 1", "port_mapping"),
        ('webrtc = "rust"', "auto, aiortc, native"),
        ('upload_limit = "fast"', "upload_limit"),
        ("download_limit = 0", "download_limit"),
        ('web = "instant.io"', "https://instant.io/"),
        ('ice_servers = [{urls = "stun:x", password = "y"}]', "password"),
        ('ice_servers = ["http://x"]', "ice_servers"),
        ('turn = ["stun:x"]', "turn:host:3478"),
        ('turn = ["turn:ann:hunter2@x"]', "turn:host:3478"),
        ("name = ", "Invalid value"),
    ],
)
def test_a_bad_file_is_refused_by_path_and_key(
    environment: dict[str, str], text: str, complaint: str
) -> None:
    write(environment, text)
    with pytest.raises(SettingsError) as refused:
        load({}, environment)
    assert environment["FILESEND_SETTINGS"] in str(refused.value)
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    ("options", "variables", "source"),
    [
        ({"relay": "http://"}, {}, "--relay"),
        ({"ice_servers": ["nonsense"]}, {}, "--ice-server"),
        ({"log_level": "loud"}, {}, "--log-level"),
        ({"turn": ["turn:a"] * 9}, {}, "--turn: a relay names 8"),
        ({}, {"FILESEND_TURN": "turn:a,http://b"}, "FILESEND_TURN"),
        ({"upload_limit": "3999"}, {}, "--upload-limit"),
        ({}, {"FILESEND_DOWNLOAD_LIMIT": "2 Mbit"}, "FILESEND_DOWNLOAD_LIMIT"),
        ({}, {"FILESEND_PORT": "high"}, "FILESEND_PORT"),
        ({}, {"FILESEND_NAME": "\u202e\x1b"}, "FILESEND_NAME"),
    ],
)
def test_a_bad_value_is_refused_by_where_it_came_from(
    environment: dict[str, str], options: dict[str, Any], variables: dict[str, str], source: str
) -> None:
    with pytest.raises(SettingsError, match=source):
        load(options, environment | variables)


@pytest.mark.parametrize(
    ("options", "right"),
    [
        ({"relay": "http://"}, "looks like http://"),
        ({"ice_servers": ["nonsense"]}, "write stun:host:port"),
        ({"log_level": "loud"}, "one of debug, info"),
        ({"upload_limit": "fast"}, "write bytes a second"),
        ({"road": "x"}, "one of auto, direct"),
        ({"webrtc": "x"}, "one of auto, aiortc"),
        ({"web": "x"}, "such as https://"),
        ({"trusted_proxies": ["x"]}, "write an address such as 127.0.0.1"),
        ({"metrics_to": ["10.0.0.1/8"]}, "or a network such as 10.0.0.0/8"),
    ],
)
def test_a_bad_value_is_refused_with_what_would_be_right(
    environment: dict[str, str], options: dict[str, Any], right: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        load(options, environment)
    assert right in str(refused.value)


def test_a_weaker_value_that_lost_is_not_looked_at(environment: dict[str, str]) -> None:
    environment["FILESEND_RELAY"] = "ftp://nobody"
    assert load({"relay": "http://there"}, environment).relay == "http://there"


def test_an_unreadable_file_is_refused(environment: dict[str, str]) -> None:
    Path(environment["FILESEND_SETTINGS"]).mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load({}, environment)


def test_the_file_is_where_the_system_keeps_settings() -> None:
    path = settings_path({})
    assert path.name == "settings.toml"
    assert path.parent.name == "filesend"


def test_turn_takes_its_login_from_file_or_environment(environment: dict[str, str]) -> None:
    named = 'ice_servers = [{ urls = "turn:a", username = "u", credential = "c" }]'
    write(environment, named)
    assert load({}, environment).ice_servers == (
        IceServer(urls="turn:a", username="u", credential="c"),
    )
    login = {"FILESEND_TURN_USERNAME": "eu", "FILESEND_TURN_CREDENTIAL": "ec"}
    servers = load({"ice_servers": ["turn:b", "stun:c"]}, environment | login).ice_servers
    assert servers == (
        IceServer(urls="turn:b", username="eu", credential="ec"),
        IceServer(urls="stun:c"),
    )


def test_turn_without_a_login_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="FILESEND_TURN_USERNAME"):
        load({"ice_servers": ["turn:b"]}, environment)


def test_a_login_in_a_url_is_refused_and_not_repeated(environment: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as refused:
        load({"ice_servers": ["turn:user:hunter2@host"]}, environment)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:8421", True),
        ("ws://127.9.9.9/announce", True),
        ("http://[::1]:8421", True),
        ("http://localhost", True),
        ("http://relay.localhost:1", True),
        ("http://192.168.1.2:8421", False),
        ("http://localhost.example", False),
        ("https://relay.example", False),
    ],
)
def test_loopback(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback


def test_who_meets_on_this_machine_asks_no_stranger() -> None:
    settings = Settings(name="a")
    assert settings.ice_servers_for(["http://127.0.0.1:8421"]) == ()
    assert settings.ice_servers_for(["http://127.0.0.1:1", "wss://far"]) == DEFAULT_ICE_SERVERS
    assert settings.ice_servers_for([]) == DEFAULT_ICE_SERVERS


@pytest.mark.parametrize("place", ["http://127.0.0.1:8421", "https://far"], ids=["here", "far"])
def test_the_relays_turn_counts_where_no_server_was_chosen(place: str) -> None:
    def told(settings: Settings) -> bool:
        return settings.client_config(output=Path(), meeting_places=[place]).relay_turn

    assert told(Settings(name="a"))
    assert not told(Settings(name="a", ice_servers=()))
    assert not told(Settings(name="a", ice_servers=(IceServer(urls="stun:mine"),)))


def test_chosen_ice_servers_hold_everywhere() -> None:
    chosen = (IceServer(urls="stun:mine"),)
    for place in ("http://127.0.0.1:8421", "https://far"):
        assert Settings(name="a", ice_servers=chosen).ice_servers_for([place]) == chosen
        assert Settings(name="a", ice_servers=()).ice_servers_for([place]) == ()


def test_a_client_is_told_what_was_set(tmp_path: Path) -> None:
    settings = Settings(name="Ann", relay_only=True, ice_servers=(IceServer(urls="stun:s"),))
    config = settings.client_config(output=tmp_path, meeting_places=["http://far"])
    assert (config.name, config.output, config.relay_only) == ("Ann", tmp_path, True)
    assert config.ice_servers == settings.ice_servers


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (["http://relay.example"], True),
        ([], True),
        (["http://127.0.0.1:1", "ws://localhost:2"], False),
        (["http://127.0.0.1:1", "ws://relay.example"], True),
    ],
)
def test_no_router_is_asked_for_people_on_this_machine(
    environment: dict[str, str], places: list[str], expected: bool
) -> None:
    config = load({}, environment).client_config(output=Path(), meeting_places=iter(places))
    assert config.port_mapping is expected
    # Nor does anybody listen to the network.
    assert config.local is not expected
    off = load({"port_mapping": False}, environment)
    assert not off.client_config(output=Path(), meeting_places=places).port_mapping


LOGIN = '{ urls = "turn:turn.example:3478", username = "ann", credential = "secret" }'


@pytest.mark.skipif(os.name == "nt", reason="Windows' modes do not say who may read")
@pytest.mark.parametrize(
    ("servers", "mode", "exposed"),
    [
        (LOGIN, 0o600, False),
        (LOGIN, 0o700, False),
        (LOGIN, 0o644, True),
        (LOGIN, 0o640, True),
        (LOGIN, 0o604, True),
        ('"stun:stun.example"', 0o644, False),
        (f'"stun:stun.example", {LOGIN}', 0o644, True),
        ("", 0o644, False),
    ],
)
def test_a_login_that_others_can_read_is_noticed(
    environment: dict[str, str], servers: str, mode: int, exposed: bool
) -> None:
    write(environment, f"ice_servers = [{servers}]")
    path = Path(environment["FILESEND_SETTINGS"])
    path.chmod(mode)
    for options in ({}, {"ice_servers": "none"}):  # it can be read, whether it is used or not
        assert load(options, environment).exposed == (path if exposed else None)
