"""What the person set: options, environment and settings file become one frozen value.

Order of strength: option, environment, file, default. Files and environment are read here and
nowhere else; no network and no screen ever lives here. TURN credentials come from the file or the
environment only, since argv can be read by every program on a machine.
"""

from __future__ import annotations

import getpass
import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from filesend_tui.core.config import ClientConfig, IceServer, RoadChoice, WebRtcStack
from filesend_tui.core.errors import BadSharePage, RelayUnreachable
from filesend_tui.core.relay_client.address import parse_relay_url
from filesend_tui.core.torrent.metainfo.share_link import share_page
from filesend_tui.core.util.figures import parse_rate
from filesend_tui.core.util.text import clean
from relay.protocol.words import DEFAULT_PORT

#: Environment variables and what they set. Beside these, FILESEND_SETTINGS names another settings
#: file, and FILESEND_TURN_USERNAME and FILESEND_TURN_CREDENTIAL log in to TURN servers.
ENVIRONMENT: Final = {
    "FILESEND_NAME": "name",
    "FILESEND_RELAY": "relay",
    "FILESEND_PORT": "port",
    "FILESEND_TRUSTED_PROXIES": "trusted_proxies",
    "FILESEND_METRICS_TO": "metrics_to",
    "FILESEND_OUTPUT": "output",
    "FILESEND_ICE_SERVERS": "ice_servers",
    "FILESEND_ROAD": "road",
    "FILESEND_DIRECT_PORT": "direct_port",
    "FILESEND_PORT_MAPPING": "port_mapping",
    "FILESEND_WEBRTC": "webrtc",
    "FILESEND_UPLOAD_LIMIT": "upload_limit",
    "FILESEND_DOWNLOAD_LIMIT": "download_limit",
    "FILESEND_WEB": "web",
    "FILESEND_LOG_LEVEL": "log_level",
    "FILESEND_LOG_FILE": "log_file",
}
#: Used where the relay is elsewhere and nobody chose others.
DEFAULT_ICE_SERVERS: Final = (IceServer(urls="stun:stun.l.google.com:19302"),)
#: RFC 7064 and RFC 7065.
_ICE_URL: Final = re.compile(
    r"(?:stun|turn)s?:(?:[^\s:?/\[\]]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?:\?transport=(?:udp|tcp))?"
)
_OPTIONS: Final = {
    "ice_servers": "--ice-server",
    "trusted_proxies": "--trusted-proxy",
    "metrics_to": "--metrics-to",
}
_LOG_LEVELS: Final = ("debug", "info", "warning", "error")
_MAX_NAME: Final = 64
_MAX_WHY: Final = 400
#: Slowest rate to move files at, in bytes a second: a block must not take longer than peers wait.
_SLOWEST: Final = 4_000


class SettingsError(Exception):
    """A setting that cannot be used. The text names where it stands and what is wrong."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting, resolved. None: nobody chose, and the face or the relay's place decides.

    relay: `http://host:port` or https. port: of this machine's own relay. trusted_proxies: whose
    `X-Forwarded-For` this machine's own relay believes, addresses and networks. metrics_to: who may
    read its figures, likewise; None leaves them to this machine. ice_servers: an
    empty tuple means none at all. upload_limit, download_limit: bytes a second. web: the page that
    share links point to. theme: the screens' colours, by name. held: which option or variable says
    a field, where one does: the settings file has no say in it then. exposed: the settings file,
    where it holds the login of a TURN server and other people of this machine can read it.
    """

    name: str
    relay: str | None = None
    port: int = DEFAULT_PORT
    trusted_proxies: tuple[str, ...] = ()
    metrics_to: tuple[str, ...] | None = None
    output: Path | None = None
    ice_servers: tuple[IceServer, ...] | None = None
    relay_only: bool = False
    road: RoadChoice = RoadChoice.AUTO
    direct_port: int = 0
    port_mapping: bool = True
    webrtc: WebRtcStack = WebRtcStack.AUTO
    upload_limit: int | None = None
    download_limit: int | None = None
    web: str | None = None
    log_level: str = "warning"
    log_file: Path | None = None
    theme: str | None = None
    held: dict[str, str] = msgspec.field(default_factory=dict)
    exposed: Path | None = None

    def ice_servers_for(self, meeting_places: Iterable[str]) -> tuple[IceServer, ...]:
        """Return the ICE servers for people who meet at these relay or tracker URLs.

        Who meets on a loopback address is on this machine, and asking a STUN server for its
        public address would only tell a stranger about it.
        """
        if self.ice_servers is not None:
            return self.ice_servers
        return () if _all_here(meeting_places) else DEFAULT_ICE_SERVERS

    def client_config(self, *, output: Path, meeting_places: Iterable[str]) -> ClientConfig:
        """Return what a Client is told.

        Who meets on this machine needs no way in through a router, nor from the network at all.
        """
        places = tuple(meeting_places)
        local = _all_here(places)
        return ClientConfig(
            name=self.name,
            output=output,
            ice_servers=self.ice_servers_for(places),
            relay_only=self.relay_only,
            road=self.road,
            direct_port=self.direct_port,
            port_mapping=self.port_mapping and not local,
            local=local,
            webrtc=self.webrtc,
            upload_limit=self.upload_limit,
            download_limit=self.download_limit,
            share_page=self.web,
        )


class _SettingsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings file: TOML with exactly these keys."""

    name: str | None = None
    relay: str | None = None
    port: int | None = None
    trusted_proxies: list[str] | None = None
    metrics_to: list[str] | None = None
    output: str | None = None
    ice_servers: list[str | IceServer] | None = None
    relay_only: bool = False
    road: str | None = None
    direct_port: int | None = None
    port_mapping: bool | None = None
    webrtc: str | None = None
    upload_limit: int | str | None = None
    download_limit: int | str | None = None
    web: str | None = None
    log_level: str | None = None
    log_file: str | None = None
    theme: str | None = None

    @property
    def holds_login(self) -> bool:
        """Whether the password of a TURN server stands in it."""
        servers = self.ice_servers or ()
        return any(isinstance(server, IceServer) and server.credential for server in servers)


def settings_path(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the settings file is, whether or not it exists.

    Raises:
        SettingsError: What is named cannot be a file.
    """
    if named := environment.get("FILESEND_SETTINGS"):
        try:
            return _path(named)
        except ValueError as error:
            raise SettingsError(f"FILESEND_SETTINGS: {error}") from None
    import platformdirs

    return platformdirs.user_config_path("filesend", appauthor=False) / "settings.toml"


def load(
    options: Mapping[str, Any] | None = None, environment: Mapping[str, str] = os.environ
) -> Settings:
    """Return the settings that the options, the environment and the settings file add up to.

    Args:
        options: What the command line gave, by field name of Settings; None is not given.
        environment: The environment variables.

    Raises:
        SettingsError: What was given for a setting cannot be used.
    """
    path = settings_path(environment)
    file, readable_by_others = _read(path)
    layers: list[tuple[str, str, Any]] = [
        (f"{path}: {key}", key, value) for key, value in msgspec.structs.asdict(file).items()
    ]
    stronger = [(name, key, environment.get(name)) for name, key in ENVIRONMENT.items()]
    stronger += [(_option(key), key, value) for key, value in (options or {}).items()]
    layers += stronger
    # Later is stronger; a weaker value that lost is never looked at.
    chosen = {key: (source, value) for source, key, value in layers if value not in (None, "", [])}

    fields: dict[str, Any] = {"name": _login_name()}
    for key, (source, value) in chosen.items():
        try:
            fields[key] = _PARSERS[key](value)
        except ValueError as error:
            raise SettingsError(f"{source}: {clean(str(error), _MAX_WHY)}") from None
    if "ice_servers" in fields:
        fields["ice_servers"] = _logged_in(fields["ice_servers"], environment)
    exposed = path if file.holds_login and readable_by_others else None
    held = {key: source for source, key, value in stronger if value not in (None, "", [])}
    return Settings(**fields, held=held, exposed=exposed)


def parse(key: str, text: str) -> Any:
    """Return what a text means for a setting that the settings file may hold.

    Raises:
        ValueError: It cannot be used; the text says why.
        KeyError: There is no such setting.
    """
    return _PARSERS[key](text)


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine's own loopback."""
    import ipaddress

    try:
        host = urlsplit(url).hostname or ""
    except ValueError:  # no URL at all, which whoever uses it will say
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _all_here(meeting_places: Iterable[str]) -> bool:
    places = list(meeting_places)
    return bool(places) and all(map(is_loopback, places))


def _option(key: str) -> str:
    return _OPTIONS.get(key) or "--" + key.replace("_", "-")


def _login_name() -> str:
    try:
        return clean(getpass.getuser(), _MAX_NAME) or "somebody"
    except (OSError, KeyError, ImportError):  # no such user: a bare container, a service
        return "somebody"


def _read(path: Path) -> tuple[_SettingsFile, bool]:
    """Return what the file says, and whether other people of this machine can read it."""
    try:
        with path.open(encoding="utf-8") as file:
            text, mode = file.read(), os.fstat(file.fileno()).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return _SettingsFile(), False
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise SettingsError(f"{path}: cannot be read: {why}") from None
    import tomllib

    # Windows' modes say nothing of who may read; its user folders are their owners' alone.
    readable_by_others = os.name != "nt" and bool(mode & (stat.S_IRGRP | stat.S_IROTH))
    try:
        return msgspec.convert(tomllib.loads(text), _SettingsFile), readable_by_others
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise SettingsError(f"{path}: {error}") from None
    except RecursionError:
        raise SettingsError(f"{path}: it is nested too deep") from None


def _name(value: str) -> str:
    name = clean(value, _MAX_NAME).strip()
    if not name:
        raise ValueError("a name needs at least one letter that can be shown")
    return name


def _relay(value: str) -> str:
    try:
        return parse_relay_url(value).url
    except RelayUnreachable as error:
        raise ValueError(f"{error.message} {error.hint}") from None


def _port(value: str | int) -> int:
    port = int(value) if str(value).isdecimal() else 0
    if not 0 < port < 65536:
        raise ValueError("a port is a number from 1 to 65535")
    return port


def _networks(value: str | Iterable[str]) -> tuple[str, ...]:
    import ipaddress

    networks = value.split(",") if isinstance(value, str) else value
    try:
        return tuple(str(ipaddress.ip_network(each.strip())) for each in networks)
    except ValueError as error:
        hint = "write an address such as 127.0.0.1, or a network such as 10.0.0.0/8"
        raise ValueError(f"{error}; {hint}") from None


def _path(value: str | Path) -> Path:
    if "\0" in str(value):
        raise ValueError("a path holds no NUL")
    try:
        return Path(value).expanduser()
    except RuntimeError:
        who = str(value).partition("/")[0]
        raise ValueError(
            f"“{clean(who)}” is nobody's home folder here; write the whole path"
        ) from None


def _theme(value: str) -> str:
    if not re.fullmatch(r"[\w-]{1,40}", value):
        raise ValueError("a theme is one word, such as filesend-light")
    return value


def _log_level(value: str) -> str:
    level = value.lower()
    if level not in _LOG_LEVELS:
        raise ValueError(f"a log level is one of {', '.join(_LOG_LEVELS)}")
    return level


def _limit(value: str | int) -> int | None:
    if str(value).lower() == "none":
        return None
    rate = parse_rate(str(value))
    if rate < _SLOWEST:
        raise ValueError(f"the lowest limit is {_SLOWEST} bytes a second; write none for no limit")
    return rate


def _web(value: str) -> str:
    try:
        return share_page(value)
    except BadSharePage as error:
        raise ValueError(f"{error.message} {error.hint}") from None


def _ice_servers(value: str | Iterable[str | IceServer]) -> tuple[IceServer, ...]:
    items = value.split(",") if isinstance(value, str) else list(value)
    servers = [IceServer(urls=item.strip()) if isinstance(item, str) else item for item in items]
    if [server.urls for server in servers] == ["none"]:
        return ()
    for server in servers:
        if "@" in server.urls:  # perhaps a password: do not repeat it
            raise ValueError("an ICE server's URL holds no login; use the settings file for it")
        match = _ICE_URL.fullmatch(server.urls)
        if match is None or not 0 < int(match["port"] or 1) < 65536:
            raise ValueError(f"{server.urls!r} is not an ICE server; write stun:host:port, or none")
    return tuple(servers)


def _switch(value: str | bool) -> bool:
    switch = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    try:
        return switch[str(value).lower()]
    except KeyError:
        raise ValueError("a switch is true or false") from None


def _road(value: str) -> RoadChoice:
    try:
        return RoadChoice(value.lower())
    except ValueError:
        raise ValueError(f"a road is one of {', '.join(RoadChoice)}") from None


def _webrtc(value: str) -> WebRtcStack:
    try:
        stack = WebRtcStack(value.lower())
    except ValueError:
        raise ValueError(f"a WebRTC stack is one of {', '.join(WebRtcStack)}") from None
    if stack is WebRtcStack.NATIVE:
        from filesend_tui.core.transports.webrtc.native import library

        if not library.installed():
            missing = library.missing()
            raise ValueError(f"{missing.message} {missing.hint}")
    return stack


def _logged_in(
    servers: tuple[IceServer, ...], environment: Mapping[str, str]
) -> tuple[IceServer, ...]:
    """Give the environment's TURN login to the TURN servers that came without one."""
    login = {
        "username": environment.get("FILESEND_TURN_USERNAME"),
        "credential": environment.get("FILESEND_TURN_CREDENTIAL"),
    }
    known = tuple(
        msgspec.structs.replace(server, **login)
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


_PARSERS: Final[dict[str, Callable[[Any], Any]]] = {
    "name": _name,
    "relay": _relay,
    "port": _port,
    "trusted_proxies": _networks,
    "metrics_to": _networks,
    "output": _path,
    "ice_servers": _ice_servers,
    "relay_only": bool,
    "road": _road,
    "direct_port": _port,
    "port_mapping": _switch,
    "webrtc": _webrtc,
    "upload_limit": _limit,
    "download_limit": _limit,
    "web": _web,
    "log_level": _log_level,
    "log_file": _path,
    "theme": _theme,
}
