"""Parsers of settings' values, as given by an option, a variable or the settings file.

Each parser returns the program's value, or raises ValueError with what would be valid. Further
modules are imported inside the parsers: `--help` calls none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from filesend_tui.core.util.text import clean

if TYPE_CHECKING:
    from filesend_tui.core.choices import Links, Overwrite
    from filesend_tui.core.config import IceServer, RoadChoice, WebRtcStack
    from filesend_tui.core.util.proxies import Proxies
    from relay.protocol.store import StoreUrl

#: RFC 7064 and RFC 7065.
_ICE_URL: Final = re.compile(
    r"(?:stun|turn)s?:(?:[^\s:?/\[\]]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?:\?transport=(?:udp|tcp))?"
)
_E = TypeVar("_E", bound=StrEnum)
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
#: What log lines of the relay may look like; relay/log_lines.py's FORMATS.
LOG_FORMATS: Final = ("text", "json")
#: What becomes of running transfers when the terminal goes away.
ON_HANGUP: Final = ("finish", "stop")
#: Who reaches the relay that a run starts: the networks of this machine, or nobody else.
LISTEN: Final = ("lan", "local")
#: The most patterns of what is left out, and characters of each.
_MAX_GLOBS: Final = 1_000
_MAX_GLOB: Final = 1_000
#: The most trackers at which one side waits.
_MAX_TRACKERS: Final = 4
#: Characters of a name.
MAX_NAME: Final = 64
#: The longest time that may be waited for anybody, in seconds.
_LONGEST_DRAIN: Final = 600.0
_LONGEST: Final = 7 * 24 * 3600
#: The least that a relay may be told to carry for an address in a day, in bytes.
_LEAST_TRANSIT: Final = 1_000_000
#: The lowest rate limit, in bytes a second: a block must not take longer than peers' timeout.
_SLOWEST: Final = 4_000


def text(value: str) -> str:
    """Return any text as it is."""
    return value


def name(value: str) -> str:
    """Parse a person's name: at most MAX_NAME printable characters."""
    shown = clean(value, MAX_NAME).strip()
    if not shown:
        raise ValueError("a name needs at least one letter that can be shown")
    return shown


def theme(value: str) -> str:
    """Parse a theme's name; whether it exists is for the screens to check."""
    if not re.fullmatch(r"[\w-]{1,40}", value):
        raise ValueError("a theme is one word, such as filesend-light")
    return value


def relay(value: str) -> str:
    """Parse a relay's address."""
    from filesend_tui.core.checks import relay_url

    return relay_url(value)


def trackers(value: str | Iterable[str]) -> tuple[str, ...]:
    """Parse trackers: URLs, or one comma-separated text; `none` or nothing is none."""
    from filesend_tui.core.checks import tracker_url

    urls = tuple(dict.fromkeys(url for url in _parts(value) if url and url != "none"))
    for url in urls:
        tracker_url(url)
    if len(urls) > _MAX_TRACKERS:
        raise ValueError(f"people meet at {_MAX_TRACKERS} trackers at most")
    return urls


def port(value: str | int) -> int:
    """Parse a port, from 1 to 65535."""
    number = int(value) if str(value).isdecimal() else 0
    if not 0 < number < 65536:
        raise ValueError("a port is a number from 1 to 65535")
    return number


def networks(value: str | Iterable[str]) -> tuple[str, ...]:
    """Parse addresses and networks, from a list or one comma-separated text."""
    import ipaddress

    try:
        return tuple(str(ipaddress.ip_network(each)) for each in _parts(value))
    except ValueError as error:
        hint = "write an address such as 127.0.0.1, or a network such as 10.0.0.0/8"
        raise ValueError(f"{error}; {hint}") from None


def path(value: str | Path) -> Path:
    """Parse a path; a leading `~` or `~user` is a home folder."""
    if "\0" in str(value):
        raise ValueError("a path holds no NUL")
    try:
        return Path(value).expanduser()
    except RuntimeError:
        who = str(value).partition("/")[0]
        raise ValueError(
            f"“{clean(who)}” is nobody's home folder here; write the whole path"
        ) from None


def log_level(value: str) -> str:
    """Parse one of LOG_LEVELS."""
    level = value.lower()
    if level not in LOG_LEVELS:
        raise ValueError(f"a log level is one of {', '.join(LOG_LEVELS)}")
    return level


def log_format(value: str) -> str:
    """Parse one of LOG_FORMATS."""
    form = value.lower()
    if form not in LOG_FORMATS:
        raise ValueError(f"it is one of {' or '.join(LOG_FORMATS)}")
    return form


def on_hangup(value: str) -> str:
    """Parse one of ON_HANGUP."""
    meant = value.lower()
    if meant not in ON_HANGUP:
        raise ValueError(f"it is one of {' or '.join(ON_HANGUP)}")
    return meant


def links(value: str) -> Links:
    """Parse what becomes of symbolic links."""
    from filesend_tui.core.choices import Links

    return _one_of(Links, value)


def overwrite(value: str) -> Overwrite:
    """Parse what becomes of files that are there."""
    from filesend_tui.core.choices import Overwrite

    return _one_of(Overwrite, value)


def globs(value: str | Iterable[str]) -> tuple[str, ...]:
    """Parse patterns, from a list or one comma-separated text: one line each, not too many."""
    patterns = tuple(dict.fromkeys(filter(None, _parts(value))))
    if len(patterns) > _MAX_GLOBS or any(len(each) > _MAX_GLOB for each in patterns):
        raise ValueError(f"these are more than {_MAX_GLOBS} patterns, or one is too long")
    if any(not each.isprintable() for each in patterns):
        raise ValueError("a pattern is one line of text")
    return patterns


def listen(value: str) -> str:
    """Parse one of LISTEN."""
    meant = value.lower()
    if meant not in LISTEN:
        raise ValueError(f"it is one of {' or '.join(LISTEN)}")
    return meant


def limit(value: str | int) -> int | None:
    """Parse a rate in bytes a second, at least 4,000; `none` for no limit."""
    from filesend_tui.core.util.figures import parse_rate

    if str(value).lower() == "none":
        return None
    rate = parse_rate(str(value))
    if rate < _SLOWEST:
        raise ValueError(f"the lowest limit is {_SLOWEST} bytes a second; write none for no limit")
    return rate


def transit(value: str | int) -> int:
    """Parse what a relay carries for an address in a day, in bytes, at least 1 MB; 0: `off`."""
    from filesend_tui.core.util.figures import parse_rate

    if str(value).lower() == "off":
        return 0
    size = parse_rate(str(value))
    if size < _LEAST_TRANSIT:
        raise ValueError("the least is 1M a day; write off for no transit")
    return size


def turn(value: str | Iterable[str]) -> tuple[str, ...]:
    """Parse the TURN servers of a relay: URLs, or one comma-separated text."""
    from relay.protocol.turn import MAX_SERVERS, parse_turn_url

    urls = tuple(_parts(value))
    for url in urls:
        parse_turn_url(url)  # it may hold a password: it is not repeated
    if len(urls) > MAX_SERVERS:
        raise ValueError(f"a relay names {MAX_SERVERS} TURN servers at most")
    return urls


def store(value: str) -> StoreUrl | None:
    """Parse the store of a relay; None: its own memory."""
    from relay.protocol.store import parse_store

    return parse_store(value)  # it may hold a password: it is not repeated


def limit_now(text: str) -> int | None:
    """Parse a rate that is typed for this run, as `limit` does; `0` or nothing is none too."""
    return None if text.strip() in ("", "0") else limit(text.strip())


def at_once(value: str | int) -> int | None:
    """Parse how many transfers are sent at once, at least 1; `none` for all."""
    text = str(value).strip().lower()
    if text == "none":
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,3}", text):
        raise ValueError("write a number from 1 on, or none for all at once")
    return int(text)


def duration(value: str | int) -> float:
    """Parse a time in seconds: a number of them, or `90s`, `10m`, `2h`; a week at most."""
    match = re.fullmatch(r"([0-9]{1,9})\s*([smh]?)", str(value).strip().lower())
    seconds = int(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match else -1
    if not 0 <= seconds <= _LONGEST:
        raise ValueError("a time is a number of seconds, or such as 90s, 10m or 2h; a week at most")
    return float(seconds)


def drain(value: str | int) -> float:
    """Parse a time in seconds as `duration`; ten minutes at most."""
    seconds = duration(value)
    if seconds > _LONGEST_DRAIN:
        raise ValueError("it is ten minutes at most")
    return seconds


def resume(value: str) -> bool:
    """Parse whether what is unfinished is gone on with by itself: `auto`, or `ask`."""
    try:
        return {"auto": True, "ask": False}[str(value).lower()]
    except KeyError:
        raise ValueError("write ask, or auto") from None


def web(value: str) -> str:
    """Parse the URL of a page that opens magnet links."""
    from filesend_tui.core.checks import share_page
    from filesend_tui.core.errors import BadSharePage

    try:
        return share_page(value)
    except BadSharePage as error:
        raise ValueError(f"{error.message} {error.hint}") from None


def ice_servers(value: str | Iterable[str | Mapping[str, Any]]) -> tuple[IceServer, ...]:
    """Parse STUN and TURN servers: URLs, one comma-separated text, or tables with a login.

    `none` means no server.
    """
    import msgspec

    from filesend_tui.core.config import IceServer

    items = value.split(",") if isinstance(value, str) else list(value)
    servers = [
        IceServer(urls=item.strip()) if isinstance(item, str) else msgspec.convert(item, IceServer)
        for item in items
    ]
    if [server.urls for server in servers] == ["none"]:
        return ()
    for server in servers:
        if "@" in server.urls:  # it may be a password: do not repeat it
            raise ValueError("an ICE server's URL holds no login; use the settings file for it")
        match = _ICE_URL.fullmatch(server.urls)
        if match is None or not 0 < int(match["port"] or 1) < 65536:
            raise ValueError(f"{server.urls!r} is not an ICE server; write stun:host:port, or none")
    return tuple(servers)


def proxy(value: str) -> Proxies:
    """Parse the proxy that all goes through; `none` for none. What was typed is never repeated."""
    from filesend_tui.core.util.proxies import everything_by

    try:
        return everything_by(value)
    except ValueError as error:
        raise ValueError(f"{error}; or none") from None


def switch(value: str | bool) -> bool:
    """Parse true or false, yes or no, 1 or 0."""
    meant = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    try:
        return meant[str(value).lower()]
    except KeyError:
        raise ValueError("a switch is true or false") from None


def road(value: str) -> RoadChoice:
    """Parse which roads a private swarm may take."""
    from filesend_tui.core.config import RoadChoice

    return _one_of(RoadChoice, value, "a road")


def webrtc(value: str) -> WebRtcStack:
    """Parse which WebRTC stack is used; `native` must be installed."""
    from filesend_tui.core.config import WebRtcStack

    stack = _one_of(WebRtcStack, value, "a WebRTC stack")
    if stack is WebRtcStack.NATIVE:
        from filesend_tui.core.checks import missing_native_stack

        if (missing := missing_native_stack()) is not None:
            raise ValueError(f"{missing.message} {missing.hint}")
    return stack


def _parts(value: str | Iterable[str]) -> list[str]:
    """Return the parts of a list, or of one comma-separated text."""
    return [each.strip() for each in (value.split(",") if isinstance(value, str) else value)]


def _one_of(kind: type[_E], value: str, what: str = "it") -> _E:
    try:
        return kind(value.lower())
    except ValueError:
        raise ValueError(f"{what} is one of {', '.join(kind)}") from None
