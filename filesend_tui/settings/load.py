"""Loading of settings: options, environment and settings file become one frozen value.

Precedence: option, environment, file, default. Files and environment are read here and nowhere
else; no network and no screen ever lives here. TURN credentials come from the file or the
environment only, since every program on a machine can read argv.
"""

from __future__ import annotations

import getpass
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from filesend_tui.core.choices import Arriving, Links, Overwrite, Sending
from filesend_tui.core.config import AWAY_LIMIT, ClientConfig, IceServer, RoadChoice, WebRtcStack
from filesend_tui.core.util.proxies import NO_PROXIES, Proxies, is_loopback_host, of_environment
from filesend_tui.core.util.text import clean
from filesend_tui.settings import parse
from filesend_tui.settings.schema import BY_KEY, FILE_VARIABLE, SETTINGS
from relay.protocol.store import IN_ARGUMENTS, StoreUrl
from relay.protocol.words import DEFAULT_PORT

#: The default where the relay is not on this machine.
DEFAULT_ICE_SERVERS: Final = (IceServer(urls="stun:stun.l.google.com:19302"),)
#: Public trackers at which people meet where the settings name none. Both were kept when this was
#: written, in 2026; tracker.btorrent.xyz, long a default of others, had not answered for years.
DEFAULT_TRACKERS: Final = ("wss://tracker.openwebtorrent.com", "wss://tracker.webtorrent.dev")
_MAX_WHY: Final = 400


class SettingsError(Exception):
    """A setting that cannot be used. The text names its source and the problem."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting, resolved. None: not set, and the face or the relay's place decides.

    relay: `http://host:port` or https. trackers: URLs at which people meet, too. copy: the command
    for a code goes to the clipboard. notify: the terminal is told of requests, messages and ends.
    stay_awake: the machine does not fall asleep while something runs. visible: people nearby see
    this side. proxy: what relays and trackers are reached by. port: of this machine's own relay.
    listen: `lan` or `local`, who reaches it where a run started it.
    trusted_proxies: addresses and networks whose `X-Forwarded-For` it trusts. metrics_to: those
    that may read its metrics; None: this machine only. allow_from: those that may use it; none:
    everybody. ban_file: the file of those that may not. drain: seconds in which it lets everybody
    go on elsewhere. transit: bytes that it carries for an address in a day; 0: none, None: its own
    default.
    turn, turn_secret_file: URLs of the TURN servers that it names to paired people, and the file of
    the secret that it shares with them. page_key_file: the file of the key by which it lets pages
    in that were saved; None: none. tls_cert, tls_key: the PEM files with which it speaks
    TLS. log_format: `text` or `json`, of its log lines. store, store_file: the server
    that keeps its state, or the file of that server's URL.
    ice_servers: an empty tuple means none at all. upload_limit, download_limit: bytes a second.
    away_limit: seconds. at_once: transfers, None for all. on_hangup: `finish` or `stop`. resume: go
    on with what is unfinished without asking. web: the page that share links point to. history:
    what ends is kept in the history. links, exclude, respect_gitignore, times: of core's Sending.
    times, overwrite, skip_existing: of its Arriving. state: the folder for that and for what is
    unfinished. theme: the screens' colours, by name. held: the option or variable that sets a
    field, and so overrides the settings file. exposed: the settings file, where it holds a password
    and other users of this machine can read it.
    """

    name: str
    relay: str | None = None
    proxy: Proxies = NO_PROXIES
    port: int = DEFAULT_PORT
    listen: str = "lan"
    trackers: tuple[str, ...] = DEFAULT_TRACKERS
    copy: bool = True
    notify: bool = True
    stay_awake: bool = True
    visible: bool = False
    trusted_proxies: tuple[str, ...] = ()
    metrics_to: tuple[str, ...] | None = None
    allow_from: tuple[str, ...] = ()
    ban_file: Path | None = None
    transit: int | None = None
    drain: float = 10.0
    turn: tuple[str, ...] = ()
    turn_secret_file: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    page_key_file: Path | None = None
    store: StoreUrl | None = None
    store_file: Path | None = None
    output: Path | None = None
    ice_servers: tuple[IceServer, ...] | None = None
    relay_only: bool = False
    road: RoadChoice = RoadChoice.AUTO
    direct_port: int = 0
    port_mapping: bool = True
    webrtc: WebRtcStack = WebRtcStack.AUTO
    upload_limit: int | None = None
    download_limit: int | None = None
    away_limit: float = AWAY_LIMIT
    at_once: int | None = None
    on_hangup: str = "finish"
    resume: bool = False
    web: str | None = None
    history: bool = True
    links: Links = Links.FOLLOW
    exclude: tuple[str, ...] = ()
    respect_gitignore: bool = False
    times: bool = True
    overwrite: Overwrite = Overwrite.NEVER
    skip_existing: bool = False
    state: Path | None = None
    log_level: str = "warning"
    log_format: str = "text"
    log_file: Path | None = None
    theme: str | None = None
    held: dict[str, str] = msgspec.field(default_factory=dict)
    exposed: Path | None = None

    @property
    def finishes(self) -> bool:
        """Whether what is under way is finished where the terminal goes away."""
        return self.on_hangup == "finish"

    def ice_servers_for(
        self, meeting_places: Iterable[str], *, beyond: bool = False
    ) -> tuple[IceServer, ...]:
        """Return the ICE servers for people who meet at these relay or tracker URLs.

        People who meet on a loopback address are on this machine; asking a STUN server for its
        public address would only disclose that to a stranger. beyond: others come there, too.
        """
        if self.ice_servers is not None:
            return self.ice_servers
        return () if _all_here(meeting_places) and not beyond else DEFAULT_ICE_SERVERS

    def client_config(
        self, *, output: Path, meeting_places: Iterable[str], beyond: bool = False
    ) -> ClientConfig:
        """Return a Client's configuration.

        People who meet on this machine need no port mapping, nor any way in from the network.
        beyond: those who meet at these places may come from elsewhere all the same.
        """
        places = tuple(meeting_places)
        local = _all_here(places) and not beyond
        return ClientConfig(
            name=self.name,
            output=output,
            ice_servers=self.ice_servers_for(places, beyond=beyond),
            relay_stun=self.ice_servers is None and not local,
            relay_turn=self.ice_servers is None,
            relay_only=self.relay_only,
            road=self.road,
            direct_port=self.direct_port,
            port_mapping=self.port_mapping and not local,
            local=local,
            webrtc=self.webrtc,
            upload_limit=self.upload_limit,
            download_limit=self.download_limit,
            share_page=self.web,
            away_limit=self.away_limit,
            at_once=self.at_once,
            history=self.history,
            proxies=self.proxy,
            sending=Sending(self.links, self.exclude, self.respect_gitignore, self.times),
            arriving=Arriving(self.times, self.overwrite, self.skip_existing),
        )


#: The settings file: TOML with only the schema's keys that may be in it.
_File: Any = msgspec.defstruct(
    "SettingsFile",
    [
        (setting.key, setting.stored | msgspec.UnsetType, msgspec.UNSET)
        for setting in SETTINGS
        if setting.example is not None
    ],
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
)


def settings_path(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the settings file's path, whether or not it exists.

    Raises:
        SettingsError: FILESEND_SETTINGS is no valid path.
    """
    if named := environment.get(FILE_VARIABLE):
        try:
            return parse.path(named)
        except ValueError as error:
            raise SettingsError(f"{FILE_VARIABLE}: {error}") from None
    import platformdirs

    return platformdirs.user_config_path("filesend", appauthor=False) / "settings.toml"


def load(
    options: Mapping[str, Any] | None = None, environment: Mapping[str, str] = os.environ
) -> Settings:
    """Return the settings from the options, the environment and the settings file.

    Args:
        options: The command line's values, by field name of Settings; None: not given.
        environment: The environment variables.

    Raises:
        SettingsError: A setting's value cannot be used.
    """
    path = settings_path(environment)
    file, readable_by_others = _read(path)
    layers: list[tuple[str, str, Any]] = [(f"{path}: {key}", key, file[key]) for key in file]
    stronger: list[tuple[str, str, Any]] = [
        (setting.variable, setting.key, environment.get(setting.variable))
        for setting in SETTINGS
        if setting.variable is not None
    ]
    stronger += [(BY_KEY[key].option, key, value) for key, value in (options or {}).items()]
    layers += stronger
    # Later layers win; a value that is overridden is never parsed.
    chosen = {key: (source, value) for source, key, value in layers if _is_said(key, value)}

    fields: dict[str, Any] = {"name": _login_name(), "proxy": of_environment(environment)}
    for key, (source, value) in chosen.items():
        try:
            fields[key] = BY_KEY[key].parse(value)
        except ValueError as error:
            raise SettingsError(f"{source}: {clean(str(error), _MAX_WHY)}") from None
        url = fields[key]
        if isinstance(url, StoreUrl) and url.has_secret and source == BY_KEY[key].option:
            raise SettingsError(f"{source}: {IN_ARGUMENTS}")
    login = fields.pop("turn_username", None), fields.pop("turn_credential", None)
    if "ice_servers" in fields:
        fields["ice_servers"] = _logged_in(fields["ice_servers"], *login)
    exposed = path if _holds_login(file) and readable_by_others else None
    held = {key: source for source, key, value in stronger if _is_said(key, value)}
    return Settings(**fields, held=held, exposed=exposed)


def _is_said(key: str, value: Any) -> bool:
    """Return whether a value was given for a setting."""
    return value not in (None, "") and (value != [] or BY_KEY[key].emptied)


def is_loopback(url: str) -> bool:
    """Return whether the URL's host is this machine's loopback."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:  # no URL, which its user reports
        return False
    return is_loopback_host(host)


def _all_here(meeting_places: Iterable[str]) -> bool:
    places = list(meeting_places)
    return bool(places) and all(map(is_loopback, places))


def _login_name() -> str:
    try:
        return clean(getpass.getuser(), parse.MAX_NAME) or "somebody"
    except (OSError, KeyError, ImportError):  # no user entry: a bare container, a service
        return "somebody"


def _read(path: Path) -> tuple[dict[str, Any], bool]:
    """Return the file's values by key, and whether other users of this machine can read it."""
    try:
        with path.open(encoding="utf-8") as file:
            text, mode = file.read(), os.fstat(file.fileno()).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return {}, False
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise SettingsError(f"{path}: cannot be read: {why}") from None
    import tomllib

    # Modes on Windows do not show who may read; its user folders are private.
    readable_by_others = os.name != "nt" and bool(mode & (stat.S_IRGRP | stat.S_IROTH))
    try:
        said = msgspec.structs.asdict(msgspec.convert(tomllib.loads(text), _File))
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise SettingsError(f"{path}: {error}") from None
    except RecursionError:
        raise SettingsError(f"{path}: it is nested too deep") from None
    return {key: value for key, value in said.items() if value is not msgspec.UNSET}, (
        readable_by_others
    )


def _holds_login(file: Mapping[str, Any]) -> bool:
    """Return whether the settings file contains a password: of a TURN server, a proxy, a store."""
    servers = file.get("ice_servers", ())
    return "@" in file.get("proxy", "") + file.get("store", "") or any(
        isinstance(server, dict) and server.get("credential") for server in servers
    )


def _logged_in(
    servers: tuple[IceServer, ...], username: str | None, credential: str | None
) -> tuple[IceServer, ...]:
    """Add the environment's TURN login to the TURN servers without one. Raises SettingsError."""
    known = tuple(
        msgspec.structs.replace(server, username=username, credential=credential)
        if server.urls.startswith("turn") and server.username is None
        else server
        for server in servers
    )
    for server in known:
        if server.urls.startswith("turn") and not (server.username and server.credential):
            raise SettingsError(
                f"{server.urls} needs a username and a credential: "
                "name them in the settings file, or set FILESEND_TURN_USERNAME and "
                "FILESEND_TURN_CREDENTIAL"
            )
    return known
