"""Fixtures of other rooms that attacks need."""

from __future__ import annotations

from tests.people.conftest import links, new_person  # noqa: F401  # fixtures
