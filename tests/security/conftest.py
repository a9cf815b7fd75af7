"""Fixtures of other rooms that attacks need."""

from __future__ import annotations

from tests.hostile.conftest import stage  # noqa: F401  # fixtures
from tests.nearby.lan import lan, one, other  # noqa: F401
from tests.people import links, new_person  # noqa: F401
from tests.torrent.bulk.test_spans import direct  # noqa: F401
from tests.torrent.conftest import hub  # noqa: F401
