"""The address of the server that keeps a relay's state: what an option or a file may name."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

#: What stands for no server: the memory of the relay's own process.
MEMORY: Final = "memory"
#: Why no URL with a password is taken from a command line.
IN_ARGUMENTS: Final = (
    "every program on this machine can read a password in an option: write the URL into a file and "
    "name that with --store-file"
)
_SCHEMES: Final = ("redis", "rediss", "unix")
_LONGEST: Final = 1_000
# The number of a database; in an option too, as a path of `unix://` is the socket's.
_PATH: Final = re.compile(r"/?|/[0-9]{1,5}")
#: Options of a URL, and what they are: a database, and who signs the server's certificate.
_OPTIONS: Final = MappingProxyType({"db": r"[0-9]{1,5}", "ssl_ca_certs": r"/.+"})
_EXPECTED: Final = "a store is redis://HOST:PORT/NUMBER, rediss:// for TLS, unix:///PATH, or memory"


class StoreUrl:
    """A parsed URL, which may hold a password: only `secret` shows it.

    Raises:
        ValueError: It is none. Says nothing of the text.
    """

    __slots__ = ("_parts", "secret")

    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST or not re.fullmatch(r"[!-~]+", text):
            raise ValueError(_EXPECTED)
        try:
            parts = urlsplit(text)
            if not _is_store(parts):
                raise ValueError
        except ValueError:
            raise ValueError(_EXPECTED) from None
        #: The URL as it was named.
        self.secret = text
        self._parts: SplitResult = parts

    @property
    def has_secret(self) -> bool:
        """Whether it holds a user or a password."""
        return "@" in self._parts.netloc

    def __str__(self) -> str:
        parts = self._parts
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def __repr__(self) -> str:
        return f"StoreUrl({str(self)!r})"  # never the password

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoreUrl) and other.secret == self.secret

    def __hash__(self) -> int:
        return hash(self.secret)


def _is_store(parts: SplitResult) -> bool:
    """Return whether these are the parts of a URL of a store; may raise ValueError instead."""
    if parts.scheme == "unix":
        whole = len(parts.path) > 1 and not parts.netloc.rpartition("@")[2]
    else:
        at_port = parts.port is None or parts.port > 0
        whole = bool(parts.hostname) and at_port and bool(_PATH.fullmatch(parts.path))
    options = (
        parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True) if parts.query else []
    )
    known = all(key in _OPTIONS and re.fullmatch(_OPTIONS[key], value) for key, value in options)
    return parts.scheme in _SCHEMES and whole and known and not parts.fragment


def parse_store(text: str) -> StoreUrl | None:
    """Parse what an option, a variable or a file says; None: the memory of the process.

    Raises:
        ValueError: It is no store. Says nothing of the text.
    """
    return None if text == MEMORY else StoreUrl(text)
