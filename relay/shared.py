"""The state that several processes of a relay share: which server keeps it, and what that takes.

The library for it is an extra, and is imported here alone, once a server is named.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from relay.bus.base import Bus
from relay.guard.limits import Limits
from relay.protocol.store import StoreUrl, parse_store
from relay.secret_file import read_secret
from relay.stores.base import Stores

_LONGEST: Final = 1_000


class Shared(NamedTuple):
    """Stores that several processes share, and what leads to the others."""

    stores: Stores
    bus: Bus


def store_url(url: StoreUrl | None, file: Path | None) -> StoreUrl | None:
    """Return the store that is named by an option, or by a file; None: the process's memory.

    Raises:
        ValueError: Both are named, or the file holds none. Tells nothing of a password.
    """
    if file is None:
        return url
    if url is not None:
        raise ValueError("--store and --store-file name two; one is enough")
    try:
        return parse_store(read_secret(file, "the store's URL", _LONGEST).decode())
    except UnicodeDecodeError:
        raise ValueError(f"{file} holds no URL") from None


def shared_by(url: StoreUrl, limits: Limits) -> Shared:
    """Return what a server keeps for relays with the same limits; it is reached when it is used.

    Raises:
        ValueError: What speaks to it is not installed.
    """
    try:
        from relay.bus.redis import RedisBus
        from relay.stores.redis.server import client_of
        from relay.stores.redis.stores import redis_stores
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "redis":
            raise
        raise ValueError(
            "a relay that keeps its state there needs pip install 'filesend-tui[redis]'"
        ) from None
    client = client_of(url.secret)
    return Shared(redis_stores(client, limits), RedisBus(client))
