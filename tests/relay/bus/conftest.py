"""Two relays that share a store, each as a process of its own would be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import RunningRelay, running_relay
from tests.relay.stores.redis_server import RedisServer, running_redis


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis"), persistent=True) as server:
        yield server


@pytest.fixture
def here(server: RedisServer) -> Iterator[RunningRelay]:
    with running_relay(store=server.store) as relay:
        yield relay


@pytest.fixture
def there(server: RedisServer) -> Iterator[RunningRelay]:
    with running_relay(store=server.store) as relay:
        yield relay
