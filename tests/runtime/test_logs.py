"""logs.py: where lines go, and where they never do."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from filesend_tui.runtime import logs


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, levels = list(root.handlers), {name: logging.getLogger(name).level for name in NAMES}
    level = root.level
    yield
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


NAMES = (*logs.OURS, "filesend_tui.core.people", "relay.people.handlers", "aiortc", "asyncio")


@pytest.mark.parametrize(
    ("level", "ours", "theirs"),
    [
        ("debug", "debug info warning error", "warning error"),
        ("info", "info warning error", "warning error"),
        ("warning", "warning error", "warning error"),
        ("error", "error", "error"),
    ],
)
def test_only_our_own_loggers_are_made_talkative(
    tmp_path: Path, level: str, ours: str, theirs: str
) -> None:
    file = tmp_path / "log"
    logs.configure(level, file, to_stderr=False)
    for name in NAMES:
        for each in ("debug", "info", "warning", "error"):
            getattr(logging.getLogger(name), each)("%s says %s", name, each)
    said = file.read_text().splitlines()
    for name in NAMES:
        of_name = [line.rpartition(" ")[2] for line in said if f" {name}: " in line]
        own = name.partition(".")[0] in logs.OURS
        assert of_name == (ours if own else theirs).split()


@pytest.mark.parametrize("level", ["debug", "error"])
@pytest.mark.parametrize("libraries", [False, True])
def test_libraries_say_nothing_on_a_persons_terminal(
    level: str, libraries: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(level, None, to_stderr=True, libraries=libraries)
    speakers = [*NAMES, "engineio.client", "aioice.ice", "websockets.client", "filesend_tuish"]
    for name in speakers:
        logging.getLogger(name).error("%s speaks", name)
    said = capsys.readouterr().err
    spoke = {name for name in speakers if f"ERROR {name}: " in said}
    assert spoke == {name for name in speakers if libraries or name.partition(".")[0] in logs.OURS}


#: Whatever speaks while two people transfer something, once it was used.
USES = """
import asyncio, importlib, logging
from filesend_tui.cli.common import settle
from filesend_tui.core.errors import FileSendError
from filesend_tui.core.relay_client.connection import RelayConnection

settle({})

async def use():
    for name in ("aiortc", "aioice", "aiohttp", "websockets", "async_upnp_client.client"):
        importlib.import_module(name)
    connection = RelayConnection(lambda _word: None, lambda _state: None)
    try:
        await connection.connect("http://127.0.0.1:1")
    except FileSendError:
        print("used")
    await connection.close()

asyncio.run(use())
for name in ("", *logging.root.manager.loggerDict):
    for handler in logging.getLogger(name).handlers:
        if isinstance(handler, logging.StreamHandler):
            print(repr(name))
"""


def test_no_library_has_a_way_of_its_own_to_a_persons_terminal() -> None:
    """As python-socketio and engineio make themselves one, where no logger is given to them."""
    said = subprocess.run(
        [sys.executable, "-c", USES], capture_output=True, text=True, timeout=60, check=True
    )
    assert said.stdout.splitlines() == ["used", "''"], "the root's handler alone"
    assert said.stderr == ""


#: What Python writes to standard error by itself, unless somebody else hears of it.
SAYS = """
import asyncio, gc, logging, pathlib, sys, threading, warnings
from filesend_tui.cli.common import settle

settle({"log_file": pathlib.Path(sys.argv[1])} if sys.argv[1:] else {})

class Ends:
    def __del__(self):
        raise ValueError("an object ended")

def fail():
    raise ValueError("a thread ended")

async def unheard():
    async def task():
        raise ValueError("a task ended")
    failed = asyncio.ensure_future(task())
    await asyncio.wait([failed])
    del failed
    task()
    asyncio.get_running_loop().call_soon(fail_in_callback)
    for _ in range(3):  # turns of the loop
        await asyncio.sleep(0)

def fail_in_callback():
    raise ValueError("a callback ended")

Ends()
thread = threading.Thread(target=fail)
thread.start()
thread.join()
asyncio.run(unheard())
gc.collect()
warnings.warn("somebody warned", stacklevel=1)
logging.getLogger("engineio.client").error("a library erred")
logging.getLogger("filesend_tui").error("%d", "a line that cannot be made")
"""
ENDED = [
    "an object ended",
    "a thread ended",
    "a task ended",
    "a callback ended",
    "never awaited",
    "somebody warned",
    "a library erred",
]


@pytest.mark.parametrize("named", [False, True])
def test_what_python_would_write_by_itself_goes_to_the_log(tmp_path: Path, named: bool) -> None:
    file = tmp_path / "log"
    run = subprocess.run(
        [sys.executable, "-c", SAYS, *([str(file)] if named else [])],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    if named:
        said = file.read_text()
        assert [what for what in ENDED if what not in said] == []
