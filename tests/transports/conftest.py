"""Every test of a channel runs with each stack that can make one."""

from __future__ import annotations

import pytest

from filesend_tui.core.config import ClientConfig
from tests.transports.pairs import STACKS


@pytest.fixture(params=STACKS)
def config(request: pytest.FixtureRequest) -> ClientConfig:
    """What an end of a connection is told: the stack that it is tested with."""
    return ClientConfig(webrtc=request.param)
