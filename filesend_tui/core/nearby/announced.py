"""An announcement by DNS-SD, as the network has it and as this side makes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Announced(NamedTuple):
    """What an announcement says, each as the network has it.

    addresses: as Here.url takes them. facts: of its TXT record.
    """

    addresses: tuple[str, ...]
    port: int
    facts: Mapping[bytes, bytes | None]


class Own(NamedTuple):
    """An announcement of this side. instance: as nearby.new_instance returns it."""

    instance: str
    facts: Mapping[str, str]
