"""Every setting, declared once: its name, its type and parser, and its description.

The settings file, the variables, the options of `--help`, the table in README.md and the settings
screen are made from it. What a value means is parse.py's, precedence is load.py's. To add one: a
declaration here, a field of load.py's Settings, and its key in the commands that take it (cli/).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from filesend_tui.settings import parse

#: The variable that names another settings file.
FILE_VARIABLE: Final = "FILESEND_SETTINGS"


class Field(NamedTuple):
    """A line of the settings screen. empty: its placeholder where nothing is set."""

    label: str
    empty: str = ""


class Setting(NamedTuple):
    """A setting.

    key: its name in the settings file, and of its field in Settings. about: its description, a
    sentence. parse: returns the parsed value; raises ValueError. stored: its type in the settings
    file. example: a value for the settings file, in TOML; None where it is no key of its own there.
    default: the description of the value where none is set. flag: the option, with its negation
    after a slash; None: no option. short: the one-letter option. metavar: the placeholder of a
    value in `--help`. means: the value that the option stands for, which takes none then. many: the
    option may be repeated. emptied: an empty list in the file means none, not the default.
    variable: the environment variable. secret: never an option, as every program on a machine can
    read those. field: its line on the settings screen, where it can be changed there.
    """

    key: str
    about: str
    parse: Callable[[Any], Any]
    stored: Any = str
    example: str | None = None
    default: str = ""
    flag: str | None = None
    short: str | None = None
    metavar: str | None = None
    means: str | None = None
    many: bool = False
    emptied: bool = False
    variable: str | None = None
    secret: bool = False
    field: Field | None = None

    @property
    def flags(self) -> tuple[str, ...]:
        """The option's spellings; empty where there is no option."""
        return tuple(flag for flag in (self.flag, self.short) if flag is not None)

    @property
    def option(self) -> str:
        """The option's name in errors."""
        return (self.flag or "--" + self.key.replace("_", "-")).partition("/")[0]


def _switch(key: str, about: str, *, on: bool) -> Setting:
    """Return a setting with an option and its negation, which is on or off where none is set."""
    flag = key.replace("_", "-")
    return Setting(
        key=key,
        about=about,
        parse=parse.switch,
        stored=bool,
        example="false" if on else "true",
        default="on" if on else "off",
        flag=f"--{flag}/--no-{flag}",
        variable=f"FILESEND_{key.upper()}",
    )


#: In the order of the help, the table and the screen.
SETTINGS: Final = (
    Setting(
        key="theme",
        about="The screens' colours.",
        parse=parse.theme,
        example='"filesend-light"',
        default="filesend",
        field=Field("Theme"),
    ),
    Setting(
        key="name",
        about="How the other person sees you.",
        parse=parse.name,
        example='"Ann"',
        default="your login name",
        flag="--name",
        metavar="NAME",
        variable="FILESEND_NAME",
        field=Field("Your name", "how the other person sees you"),
    ),
    Setting(
        key="output",
        about="Where files go.",
        parse=parse.path,
        example='"~/inbox"',
        default="FileSend in your downloads folder",
        flag="--output",
        short="-o",
        metavar="DIR",
        variable="FILESEND_OUTPUT",
        field=Field("Save in", "FileSend in your downloads folder"),
    ),
    Setting(
        key="links",
        about="Symbolic links in folders that are sent: keep them, follow them, or skip them.",
        parse=parse.links,
        example='"keep"',
        default="follow",
        flag="--links",
        metavar="keep|follow|skip",
        variable="FILESEND_LINKS",
    ),
    Setting(
        key="exclude",
        about="Leave out what a pattern names, as in a .gitignore, such as *.log or build/.",
        parse=parse.globs,
        stored=list[str],
        example='["*.log", "build/"]',
        default="nothing",
        flag="--exclude",
        metavar="GLOB",
        many=True,
        emptied=True,
        variable="FILESEND_EXCLUDE",
    ),
    _switch("respect_gitignore", "Leave out what git ignores in folders that are sent.", on=False),
    _switch("times", "Keep modification times.", on=True),
    Setting(
        key="overwrite",
        about="What becomes of a file that is there: never overwritten, asked about, or if older.",
        parse=parse.overwrite,
        example='"older"',
        default="never",
        flag="--overwrite",
        metavar="never|ask|older",
        variable="FILESEND_OVERWRITE",
    ),
    _switch(
        "skip_existing",
        "Do not receive files that are there already with the same size and time.",
        on=False,
    ),
    Setting(
        key="upload_limit",
        about="Send at most so much a second, such as 500k, 1.5 MB/s or none.",
        parse=parse.limit,
        stored=int | str,
        example='"2M"',
        default="no limit",
        flag="--upload-limit",
        metavar="RATE",
        variable="FILESEND_UPLOAD_LIMIT",
        field=Field("Send at most", "no limit; 500k or 2M a second"),
    ),
    Setting(
        key="download_limit",
        about="Fetch at most so much a second.",
        parse=parse.limit,
        stored=int | str,
        example='"none"',
        default="no limit",
        flag="--download-limit",
        metavar="RATE",
        variable="FILESEND_DOWNLOAD_LIMIT",
        field=Field("Receive at most", "no limit; 500k or 2M a second"),
    ),
    Setting(
        key="at_once",
        about="How many transfers are sent at once, such as 3; the others wait in order.",
        parse=parse.at_once,
        stored=int | str,
        example="3",
        default="all",
        flag="--at-once",
        metavar="NUMBER",
        variable="FILESEND_AT_ONCE",
    ),
    Setting(
        key="away_limit",
        about="How long somebody who is away is waited for, such as 90s, 10m or 2h.",
        parse=parse.duration,
        stored=int | str,
        example='"10m"',
        default="an hour",
        flag="--away-limit",
        metavar="TIME",
        variable="FILESEND_AWAY_LIMIT",
    ),
    Setting(
        key="on_hangup",
        about="What transfers do when the terminal goes away: finish without it, or stop.",
        parse=parse.on_hangup,
        example='"stop"',
        default="finish",
        flag="--on-hangup",
        metavar="finish|stop",
        variable="FILESEND_ON_HANGUP",
    ),
    Setting(
        key="resume",
        about="Go on with what is unfinished: ask first, or auto, by itself.",
        parse=parse.resume,
        example='"auto"',
        default="ask",
        variable="FILESEND_RESUME",
    ),
    Setting(
        key="relay",
        about="The relay.",
        parse=parse.relay,
        example='"https://relay.example"',
        default="one on this machine",
        flag="--relay",
        metavar="URL",
        variable="FILESEND_RELAY",
    ),
    Setting(
        key="trackers",
        about="A WebTorrent tracker at which people meet as well, or none.",
        parse=parse.trackers,
        stored=list[str],
        example='["wss://tracker.example"]',
        default="tracker.openwebtorrent.com and tracker.webtorrent.dev",
        flag="--tracker",
        metavar="URL",
        many=True,
        emptied=True,
        variable="FILESEND_TRACKERS",
    ),
    _switch(
        "copy", "Copy what the other person types for a code to the terminal's clipboard.", on=True
    ),
    _switch(
        "notify",
        "Tell the terminal of requests, messages and ends, and show progress in its title.",
        on=True,
    ),
    _switch(
        "stay_awake",
        "Keep this machine from falling asleep while something is sent or received.",
        on=True,
    ),
    Setting(
        key="proxy",  # it may hold a password, so it has no option
        about="A proxy for everything: http, https, socks5 or socks5h, or none.",
        parse=parse.proxy,
        example='"socks5h://127.0.0.1:9050"',
        default="`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`",
        variable="FILESEND_PROXY",
    ),
    Setting(
        key="web",
        about="A page that opens share links in a browser.",
        parse=parse.web,
        example='"https://instant.io/"',
        flag="--web",
        metavar="URL",
        variable="FILESEND_WEB",
    ),
    Setting(
        key="road",
        about="How the files may go: auto, direct, webrtc or relayed.",
        parse=parse.road,
        example='"direct"',
        default="auto",
        flag="--road",
        metavar="ROAD",
        variable="FILESEND_ROAD",
    ),
    Setting(
        key="direct_port",
        about="The port where the other machine may connect.",
        parse=parse.port,
        stored=int,
        example="4040",
        default="any free one",
        variable="FILESEND_DIRECT_PORT",
    ),
    _switch("port_mapping", "Ask the router for a way in (UPnP).", on=True),
    Setting(
        key="webrtc",
        about="What makes WebRTC connections: auto, aiortc, or native with filesend-tui[fast].",
        parse=parse.webrtc,
        example='"aiortc"',
        default="auto",
        flag="--webrtc",
        metavar="STACK",
        variable="FILESEND_WEBRTC",
    ),
    Setting(
        key="ice_servers",
        about="A STUN or TURN server, or none.",
        parse=parse.ice_servers,
        stored=list[str | dict[str, Any]],
        example='["stun:stun.example:3478"]',
        default="the relay's, else one of Google's",
        flag="--ice-server",
        metavar="URL",
        many=True,
        variable="FILESEND_ICE_SERVERS",
    ),
    Setting(
        key="turn_username",
        about="The user of TURN servers that are named without one.",
        parse=parse.text,
        variable="FILESEND_TURN_USERNAME",
        secret=True,
    ),
    Setting(
        key="turn_credential",
        about="The password of TURN servers that are named without one.",
        parse=parse.text,
        variable="FILESEND_TURN_CREDENTIAL",
        secret=True,
    ),
    Setting(
        key="relay_only",
        about="Connect through servers only, which hides your address from the other side.",
        parse=parse.switch,
        stored=bool,
        example="true",
        default="off",
    ),
    Setting(
        key="port",
        about="The port of this machine's relay.",
        parse=parse.port,
        stored=int,
        example="8421",
        default="8421",
        flag="--port",
        metavar="PORT",
        variable="FILESEND_PORT",
    ),
    Setting(
        key="listen",
        about="Who reaches the relay that a run starts: this network (lan), or nobody (local).",
        parse=parse.listen,
        example='"local"',
        default="lan",
        flag="--local-only",
        means="local",
        variable="FILESEND_LISTEN",
    ),
    _switch("visible", "Be seen by people nearby who want to be seen, and see them.", on=False),
    Setting(
        key="trusted_proxies",
        about="A proxy, or a network of them, whose X-Forwarded-For this machine's relay believes.",
        parse=parse.networks,
        stored=list[str],
        example='["127.0.0.1"]',
        default="none",
        flag="--trusted-proxy",
        metavar="ADDRESS",
        many=True,
        variable="FILESEND_TRUSTED_PROXIES",
    ),
    Setting(
        key="metrics_to",
        about="Who may read /metrics of this machine's relay, an address or a network.",
        parse=parse.networks,
        stored=list[str],
        example='["10.0.0.0/8"]',
        default="this machine",
        flag="--metrics-to",
        metavar="ADDRESS",
        many=True,
        variable="FILESEND_METRICS_TO",
    ),
    Setting(
        key="allow_from",
        about="Who may use this machine's relay, an address or a network.",
        parse=parse.networks,
        stored=list[str],
        example='["10.0.0.0/8"]',
        default="everybody",
        flag="--allow-from",
        metavar="ADDRESS",
        many=True,
        variable="FILESEND_ALLOW_FROM",
    ),
    Setting(
        key="ban_file",
        about="Who may not use this machine's relay: a network a line, and until when.",
        parse=parse.path,
        example='"/etc/filesend-bans"',
        default="nobody is shut out",
        flag="--ban-file",
        metavar="FILE",
        variable="FILESEND_BAN_FILE",
    ),
    Setting(
        key="transit",
        about="What this machine's relay carries for an address in a day, such as 5G, or off.",
        parse=parse.transit,
        stored=str | int,
        example='"5G"',
        default="20G",
        flag="--transit",
        metavar="SIZE",
        variable="FILESEND_TRANSIT",
    ),
    Setting(
        key="drain",
        about="What SIGTERM gives people at this machine's relay to go on at another, such as 30s.",
        parse=parse.drain,
        stored=int | str,
        example='"30s"',
        default="10 seconds",
        flag="--drain",
        metavar="TIME",
        variable="FILESEND_DRAIN",
    ),
    Setting(
        key="turn",
        about="A TURN server that this machine's relay names to people who are paired.",
        parse=parse.turn,
        stored=list[str],
        example='["turn:turn.example:3478", "turns:turn.example:5349"]',
        default="none",
        flag="--turn",
        metavar="URL",
        many=True,
        variable="FILESEND_TURN",
    ),
    Setting(
        key="turn_secret_file",
        about="The file with the secret that the TURN server shares with this machine's relay.",
        parse=parse.path,
        example='"~/turn-secret"',
        flag="--turn-secret-file",
        metavar="FILE",
        variable="FILESEND_TURN_SECRET_FILE",
    ),
    Setting(
        key="tls_cert",
        about="This machine's relay speaks TLS with this certificate (PEM, with its issuers').",
        parse=parse.path,
        example='"~/relay.pem"',
        default="none: behind a proxy, or on this machine",
        flag="--tls-cert",
        metavar="FILE",
        variable="FILESEND_TLS_CERT",
    ),
    Setting(
        key="tls_key",
        about="The private key of that certificate, without a passphrase.",
        parse=parse.path,
        example='"~/relay-key.pem"',
        default="in the same file",
        flag="--tls-key",
        metavar="FILE",
        variable="FILESEND_TLS_KEY",
    ),
    Setting(
        key="page_key_file",
        about="The file of the key by which this machine's relay lets saved pages in; it is made.",
        parse=parse.path,
        example='"~/page-key"',
        default="none are let in",
        flag="--page-key-file",
        metavar="FILE",
        variable="FILESEND_PAGE_KEY_FILE",
    ),
    Setting(
        key="store",
        about="The Redis or Valkey server that keeps this machine's relay's state, or memory.",
        parse=parse.store,
        example='"redis://127.0.0.1:6379/0"',
        default="memory",
        flag="--store",
        metavar="URL",
        variable="FILESEND_STORE",
    ),
    Setting(
        key="store_file",
        about="The file with the URL of that server, where it has a password.",
        parse=parse.path,
        example='"~/relay-store"',
        flag="--store-file",
        metavar="FILE",
        variable="FILESEND_STORE_FILE",
    ),
    _switch(
        "history",
        "Keep what was sent and received, with whom and when, for `filesend history`.",
        on=True,
    ),
    Setting(
        key="state",
        about="The folder for what FileSend itself keeps: unfinished transfers and the history.",
        parse=parse.path,
        default="`filesend` in your system's folder for such things",
        variable="FILESEND_STATE",
    ),
    Setting(
        key="log_level",
        about="What is logged: debug, info, warning or error.",
        parse=parse.log_level,
        example='"info"',
        default="warning",
        flag="--log-level",
        metavar="LEVEL",
        variable="FILESEND_LOG_LEVEL",
    ),
    Setting(
        key="log_format",
        about="What log lines of this machine's relay look like: text, or json for programs.",
        parse=parse.log_format,
        example='"json"',
        default="text",
        flag="--log-format",
        metavar="text|json",
        variable="FILESEND_LOG_FORMAT",
    ),
    Setting(
        key="log_file",
        about="Where log lines go.",
        parse=parse.path,
        example='"~/filesend.log"',
        default="standard error, and from the screens nowhere",
        flag="--log-file",
        metavar="FILE",
        variable="FILESEND_LOG_FILE",
    ),
)
BY_KEY: Final = {setting.key: setting for setting in SETTINGS}
