"""Which proxy a connection goes through, by its URL: what a person or the environment named.

Nothing connects here; tunnel.py does.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from filesend_tui.core.util.text import clean

#: The kinds of proxies, and their ports where none is named.
PORTS: Final = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
#: How other programs' settings spell SOCKS 5 whose proxy looks names up.
_SPELLINGS: Final = {"socks": "socks5h"}
#: The variables that name proxies, by which URLs they are for, the first that is set first. Here
#: all is a WebSocket, for which a proxy of HTTPS does too (RFC 6455, 4.1).
_SECURE: Final = ("HTTPS_PROXY", "ALL_PROXY")
_PLAIN: Final = ("HTTP_PROXY", "ALL_PROXY", "HTTPS_PROXY")
_EXEMPT: Final = "NO_PROXY"
#: Those variables in both spellings; a value may be a password.
VARIABLES: Final = frozenset(
    spelled for name in (*_SECURE, *_PLAIN) for spelled in (name, name.lower())
)
#: What SOCKS 5 can say of a name, a password and a host, in bytes.
_LONGEST: Final = 255

_FORM: Final = (
    "a proxy is http://host:port, https://…, socks5://… or socks5h://…, "
    "with user:password@ before the host where it asks for them"
)


class ProxyFailed(OSError):
    """A proxy could not be used. reason: a clause that names the proxy. hint: what to do."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


@dataclass(frozen=True, repr=False)
class Proxy:
    """A proxy.

    scheme: of PORTS. username, password: a secret; None where it asks for none. fault: why it
    cannot be used, where it was named and makes no sense: then nothing connects, either.
    """

    scheme: str
    host: str
    port: int
    username: str | None = None
    password: str | None = None
    fault: str = ""

    @property
    def name(self) -> str:
        """Its address for people, without the login."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return clean(f"{host}:{self.port}")

    @property
    def looks_up(self) -> bool:
        """Whether it looks names up, so that this machine does not."""
        return self.scheme != "socks5"

    def __repr__(self) -> str:
        return f"Proxy({self.scheme}://{self.name})"  # never the login

    def __rich_repr__(self) -> Iterator[str]:
        yield f"{self.scheme}://{self.name}"


@dataclass(frozen=True)
class Proxies:
    """What goes through which proxy.

    secure, plain: of https and wss, and of http and ws; None: none. exempt: hosts, domains and
    networks that are reached without.
    """

    secure: Proxy | None = None
    plain: Proxy | None = None
    exempt: tuple[str, ...] = ()

    @property
    def is_set(self) -> bool:
        """Whether anything goes through a proxy."""
        return self.secure is not None or self.plain is not None

    def of(self, url: str) -> Proxy | None:
        """Return the proxy for a URL; None: it is reached without. Loopback always is."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:  # no URL: if anything can be reached by it, then not around a proxy
            return self.secure or self.plain
        secure = parts.scheme in ("https", "wss")
        proxy = self.secure if secure else self.plain
        if proxy is None or is_loopback_host(host):
            return None
        port = port or (443 if secure else 80)
        return None if any(_is_exempt(host, port, each) for each in self.exempt) else proxy


#: Nothing goes through a proxy.
NO_PROXIES: Final = Proxies()


def parse_proxy(typed: str) -> Proxy:
    """Parse a proxy's URL; without a scheme it is one of HTTP.

    Raises:
        ValueError: It is none. The text quotes nothing, as there may be a password in it.
    """
    text = typed.strip()
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        scheme = _SPELLINGS.get(parts.scheme, parts.scheme)
        if scheme not in PORTS:
            raise ValueError(_FORM)
        return _parsed(parts, scheme)
    except ValueError as error:
        raise ValueError(str(error) if error.args == (_FORM,) else _FORM) from None


def _parsed(parts: SplitResult, scheme: str) -> Proxy:
    """Raises ValueError, which may quote anything."""
    host, port = parts.hostname, parts.port
    senseless = (
        not host
        or len(host) > _LONGEST
        or not re.fullmatch(r"[\w.:-]+", host)
        or port == 0
        or parts.path not in ("", "/")
        or parts.query
        or parts.fragment
    )
    if senseless:
        raise ValueError(_FORM)
    username = password = None
    if "@" in parts.netloc:
        username = unquote(parts.username or "", errors="strict")
        password = unquote(parts.password or "", errors="strict")
        for each in (username, password):
            if len(each.encode()) > _LONGEST or any(ord(char) < 32 for char in each):
                raise ValueError(_FORM)
        if not username or (":" in username and scheme.startswith("http")):
            raise ValueError(_FORM)
    assert host is not None
    return Proxy(scheme, host, port or PORTS[scheme], username, password)


def everything_by(typed: str) -> Proxies:
    """Return that all goes through one proxy; `none`: nothing does. Raises ValueError."""
    if typed.strip().lower() == "none":
        return NO_PROXIES
    proxy = parse_proxy(typed)
    return Proxies(secure=proxy, plain=proxy)


def of_environment(environment: Mapping[str, str]) -> Proxies:
    """Return what the environment's variables name, in lower or upper case.

    A value that makes no sense becomes a proxy with a fault.
    """
    exempt = _value(environment, _EXEMPT)[1]
    return Proxies(
        secure=_named(environment, _SECURE),
        plain=_named(environment, _PLAIN),
        exempt=tuple(exempt.lower().replace(",", " ").split()),
    )


def _named(environment: Mapping[str, str], variables: tuple[str, ...]) -> Proxy | None:
    for variable in variables:
        spelled, value = _value(environment, variable)
        if value:
            try:
                return parse_proxy(value)
            except ValueError as error:
                return Proxy("http", "", 0, fault=f"{spelled} makes no sense: {error}")
    return None


def _value(environment: Mapping[str, str], variable: str) -> tuple[str, str]:
    for spelled in (variable.lower(), variable):
        if value := environment.get(spelled, "").strip():
            return spelled, value
    return variable, ""


def is_loopback_host(host: str) -> bool:
    """Return whether a host is this machine's loopback."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_exempt(host: str, port: int, exempt: str) -> bool:
    """Return whether an entry of NO_PROXY is for a host: its name, a domain, or a network."""
    if exempt == "*":
        return True
    try:
        network = ipaddress.ip_network(exempt.strip("[]"), strict=False)
    except ValueError:
        pass
    else:
        try:
            return ipaddress.ip_address(host) in network
        except ValueError:
            return False
    name, colon, only = exempt.rpartition(":")
    if colon and only.isdecimal():
        if int(only) != port:
            return False
        exempt = name.strip("[]")
    exempt = exempt.removeprefix("*").strip(".")
    host = host.rstrip(".")
    return bool(exempt) and (host == exempt or host.endswith(f".{exempt}"))
