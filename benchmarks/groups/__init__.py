"""The groups of measurements, one a module, each with ROWS and `measure`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.context import Context
from benchmarks.groups import (
    beginning,
    files,
    hashing,
    journal,
    links,
    loopback,
    memory,
    page,
    pipe,
    screens,
    several,
    transit,
    webrtc,
)
from benchmarks.table import Result, Row


@dataclass(frozen=True)
class Group:
    """Rows that come from the same measurements."""

    rows: tuple[Row, ...]
    measure: Callable[[Context, Sequence[Row]], list[Result]]


GROUPS = tuple(
    Group(module.ROWS, module.measure)
    for module in (
        loopback,
        pipe,
        webrtc,
        links,
        transit,
        files,
        journal,
        several,
        memory,
        page,
        beginning,
        hashing,
        screens,
    )
)
