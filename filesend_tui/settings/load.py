"""What the person set: options, environment and settings file become one frozen value.

Order of strength: option, environment, file, default. Files and environment are read here and
nowhere else; no network and no screen ever lives here. TURN credentials come from the file or the
environment only, since argv can be read by every program on a machine.
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

from filesend_tui.core.config import ClientConfig, IceServer, RoadChoice, WebRtcStack
from filesend_tui.core.util.text import clean
from filesend_tui.settings import parse
from filesend_tui.settings.schema import BY_KEY, FILE_VARIABLE, SETTINGS
from relay.protocol.words import DEFAULT_PORT

#: Used where the relay is elsewhere and nobody chose others.
DEFAULT_ICE_SERVERS: Final = (IceServer(urls="stun:stun.l.google.com:19302"),)
_MAX_WHY: Final = 400


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


#: The settings file: TOML with exactly the keys of the schema that stand there.
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
    """Return where the settings file is, whether or not it exists.

    Raises:
        SettingsError: What is named cannot be a file.
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
    """Return the settings that the options, the environment and the settings file add up to.

    Args:
        options: What the command line gave, by field name of Settings; None is not given.
        environment: The environment variables.

    Raises:
        SettingsError: What was given for a setting cannot be used.
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
    # Later is stronger; a weaker value that lost is never looked at.
    chosen = {key: (source, value) for source, key, value in layers if value not in (None, "", [])}

    fields: dict[str, Any] = {"name": _login_name()}
    for key, (source, value) in chosen.items():
        try:
            fields[key] = BY_KEY[key].parse(value)
        except ValueError as error:
            raise SettingsError(f"{source}: {clean(str(error), _MAX_WHY)}") from None
    login = fields.pop("turn_username", None), fields.pop("turn_credential", None)
    if "ice_servers" in fields:
        fields["ice_servers"] = _logged_in(fields["ice_servers"], *login)
    exposed = path if _holds_login(file) and readable_by_others else None
    held = {key: source for source, key, value in stronger if value not in (None, "", [])}
    return Settings(**fields, held=held, exposed=exposed)


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


def _login_name() -> str:
    try:
        return clean(getpass.getuser(), parse.MAX_NAME) or "somebody"
    except (OSError, KeyError, ImportError):  # no such user: a bare container, a service
        return "somebody"


def _read(path: Path) -> tuple[dict[str, Any], bool]:
    """Return what the file says, by key, and whether other people of this machine can read it."""
    try:
        with path.open(encoding="utf-8") as file:
            text, mode = file.read(), os.fstat(file.fileno()).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return {}, False
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise SettingsError(f"{path}: cannot be read: {why}") from None
    import tomllib

    # Windows' modes say nothing of who may read; its user folders are their owners' alone.
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
    """Whether the password of a TURN server stands in the settings file."""
    servers = file.get("ice_servers", ())
    return any(isinstance(server, dict) and server.get("credential") for server in servers)


def _logged_in(
    servers: tuple[IceServer, ...], username: str | None, credential: str | None
) -> tuple[IceServer, ...]:
    """Give the environment's TURN login to the TURN servers that came without one."""
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
