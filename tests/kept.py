"""Where relays of tests keep their state: in memory, or all of them on a real server.

The second where FILESEND_TEST_STORE is `redis`, as in `make test-redis`.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from relay.bus.base import Bus
from relay.guard.limits import Limits
from relay.protocol.store import StoreUrl
from relay.shared import shared_by
from relay.stores.base import Stores


class Kept(NamedTuple):
    """Arguments of RelayServer; None for each: in memory."""

    stores: Stores | None = None
    bus: Bus | None = None


def kept(limits: Limits | None, store: StoreUrl | None = None) -> Kept:
    """Return where a relay keeps its state. store: there in any case, with whoever else does."""
    if store is None and os.environ.get("FILESEND_TEST_STORE") == "redis":
        from tests.relay.stores.redis_server import fresh_store

        store = fresh_store()
    return Kept() if store is None else Kept(*shared_by(store, limits or Limits()))
