"""Hosts on one network."""

from tests.nearby.lan import lan, one, other  # noqa: F401
