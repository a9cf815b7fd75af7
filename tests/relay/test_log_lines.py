"""log_lines.py: what a relay's process writes into its log, and how much of it."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from filesend_tui.settings import parse
from relay import log_lines, server
from relay.guard.bounded_log import LINES
from relay.starting import RelayOptions


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What goes into the log, which somebody has set up before, as `filesend relay` does."""
    root, own = logging.getLogger(), logging.getLogger("relay")
    before = root.handlers[:], own.level
    stream = io.StringIO()
    root.handlers[:] = [logging.StreamHandler(stream)]
    yield stream
    root.handlers[:] = before[0]
    own.setLevel(before[1])


def test_a_line_is_one_object_whatever_it_holds(written: io.StringIO) -> None:
    log_lines.set_up("info", "json")
    logger = logging.getLogger("relay.app")
    logger.info("two\nlines, %s", "\x1b[2J\u2028\x9b\udcff")
    try:
        raise ValueError("no\nsuch")
    except ValueError:
        logger.exception("it failed")
    logger.debug("too little")
    first, second = map(json.loads, written.getvalue().splitlines())
    assert first["message"] == "two\nlines, \x1b[2J\u2028\x9b\udcff"
    assert (first["level"], first["logger"]) == ("info", "relay.app")
    assert first["time"].endswith("Z")
    assert first.keys() == {"time", "level", "logger", "message"}
    assert second["exception"].endswith("ValueError: no\nsuch")
    assert all(line.isprintable() and line.isascii() for line in written.getvalue().splitlines())


def test_lines_are_bounded_also_where_somebody_has_set_the_log_up(
    written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def talk(_: server.RelayServer) -> None:
        for number in range(1_000):
            logging.getLogger("relay").warning("a stranger did %d", number)

    monkeypatch.setattr(server.RelayServer, "run", talk)
    assert server.serve(RelayOptions(port=0)) == 0
    assert LINES.burst <= len(written.getvalue().splitlines()) <= LINES.burst + 2


def test_the_formats_are_those_of_the_settings() -> None:
    assert parse.LOG_FORMATS == log_lines.FORMATS


@pytest.mark.parametrize("program", ["relay", "filesend_tui relay"])
async def test_a_process_logs_in_json(tmp_path: Path, program: str) -> None:
    module, *command = program.split()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *command, "--port", "0"),
        *("--log-level", "info", "--log-format", "json"),
        env={**os.environ, "FILESEND_SETTINGS": str(tmp_path / "none.toml")},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    line = await asyncio.wait_for(process.stderr.readline(), 60)
    process.terminate()
    await asyncio.wait_for(process.communicate(), 20)
    assert json.loads(line)["message"] == "ready"
