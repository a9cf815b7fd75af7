"""How a relay is found on one network by mDNS (RFC 6762) and DNS-SD (RFC 6763): names and bounds.

What is announced names no person and no machine. What is heard is a hint and never an identity:
anybody on the network may announce anything. Whoever announces or looks never lives here.
"""

from __future__ import annotations

import math
import re
import secrets
from typing import Any, Final

#: The service's type, as RFC 6763 names it.
SERVICE_TYPE: Final = "_filesend._tcp.local."
#: The keys of its TXT record, and what stands there. A relay of another version is left alone.
VERSION_KEY: Final = "v"
VERSION: Final = "1"
PATH_KEY: Final = "path"
PATH: Final = "/"
#: Seconds for which others may keep where a relay is: one that was killed is forgotten then.
HOST_TTL: Final = 120

#: Most addresses of a relay that are told, and looked at.
MAX_ADDRESSES: Final = 16
#: Most interfaces of a machine that are used; Linux lets a socket listen on 20 at most.
MAX_INTERFACES: Final = 16

#: What answers of a network may cost before it is left alone for a while: roughly the bytes that
#: they take up here, at once, a second, and in all.
ANSWERS_BURST: Final = 500_000
ANSWERS_PER_SECOND: Final = 100_000
ANSWERS_IN_ALL: Final = 8_000_000
#: Seconds for which it is left alone then.
PAUSE: Final = 30.0

_INSTANCE: Final = re.compile(r"[0-9a-f]{8}")
_RECORD: Final = 300


def new_instance() -> str:
    """Return a random name of an announcement, which tells nothing."""
    return secrets.token_hex(4)


def is_instance(text: str) -> bool:
    """Return whether a text is such a name."""
    return _INSTANCE.fullmatch(text) is not None


def full_name(instance: str, service: str = SERVICE_TYPE) -> str:
    """Return the name of an announcement in the DNS."""
    return f"{instance}.{service}"


def instance_of(name: str, service: str = SERVICE_TYPE) -> str | None:
    """Return the instance that a name in the DNS means; None where it is none of that service."""
    instance = name.lower().removesuffix(f".{service}")
    return instance if is_instance(instance) else None


def weight(record: object) -> int:
    """Return roughly how many bytes a record takes up in this process.

    record: one of the library's. Text, and the types of an NSEC record, are bounded by a packet's
    size alone.
    """
    text: bytes = getattr(record, "text", b"")
    types: list[int] = getattr(record, "rdtypes", [])
    return _RECORD + len(text) + 40 * len(types)


def hear_no_more(zeroconf: Any) -> None:
    """Have an instance of the library hear nothing more, at once; it is still to be closed.

    What waits to be read would be parsed and kept until it is closed, however much that is.
    """
    for reader in tuple(zeroconf.engine.readers):
        reader.transport.close()


def forget(zeroconf: Any) -> None:
    """Empty a closed instance of the library.

    It is in a circle with what it holds, and Python's collector may take hours to come by.
    """
    zeroconf.cache.async_expire(math.inf)
    zeroconf.engine.protocols.clear()
