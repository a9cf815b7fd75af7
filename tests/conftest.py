"""Fixtures for every room's tests."""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import pytest
from hypothesis import settings

from filesend_tui.core.config import WebRtcStack
from filesend_tui.core.transports.relayed import transport as relayed
from filesend_tui.core.transports.webrtc.attempt import WebRtcAttempt
from filesend_tui.core.transports.webrtc.native import library
from filesend_tui.core.transports.webrtc.webrtc import WebRtcChannel
from filesend_tui.system import process_exit
from relay.app import LOOPBACK
from relay.certificate import Certificate
from relay.guard.addresses import Proxies
from relay.guard.admission import Admission
from relay.guard.bounded_log import BoundedLog
from relay.guard.limits import Limits
from relay.log_lines import JsonLines
from relay.protocol.store import StoreUrl
from relay.server import RelayServer, listen
from relay.stores.base import Stores
from relay.turn import TurnServers
from relay.web.page_key import SavedPages
from tests.kept import kept

# Examples are judged by what they find: on a busy machine any of them may take long.
settings.register_profile("filesend", deadline=None)
# For a round of `make fuzz`: an example of each test takes 0.06 s of a core, so this takes five
# minutes of two.
settings.register_profile("fuzz", deadline=None, max_examples=10_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "filesend"))

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)
NO_NATIVE = "filesend-tui[fast] is not installed: python -m tools.native runs this"
#: Why a test may be left out in CI, which is Linux with all that the tests can be given there.
MAY_BE_SKIPPED = {
    "libtorrent has no wheel for this Python yet",
    "there is no IPv6 here",
    "this machine has no network",
    "there is no C compiler here",
    "no container engine runs here",
    # As root, and as anybody else.
    "who may read everything cannot be refused",
    "only Linux' root mounts file systems",
    "only root makes devices",
    "only root gives files to others",
}

#: Characters of a parameter that stands for itself in a test's name, at most.
_LONGEST_NAME = 200


@pytest.fixture(autouse=True)
def _log_is_bounded_in_no_other_test() -> Iterator[None]:
    """A relay that is started in this process bounds the log of it, and so of pytest."""
    yield
    for handler in logging.getLogger().handlers:
        for bound in [each for each in handler.filters if isinstance(each, BoundedLog)]:
            handler.removeFilter(bound)
        if isinstance(handler.formatter, JsonLines):
            handler.setFormatter(None)


@pytest.fixture(autouse=True, scope="session")
def _no_end_of_the_tests() -> Iterator[None]:
    """A test that runs a command to its end in this process is not the process's end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process_exit, "leave", lambda _: None)
        yield


@pytest.fixture(autouse=True, scope="session")
def _no_road_is_too_slow() -> Iterator[None]:
    """No test of another road ends at the relay because this machine is busy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(relayed, "HEAD_START", 120.0)
        yield


@pytest.fixture(autouse=True, scope="session")
def _state_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test writes into the state folder of the person who runs it."""
    with pytest.MonkeyPatch.context() as patch:
        state = str(tmp_path_factory.mktemp("state"))
        patch.setenv("FILESEND_STATE", state)
        # A test is no announcement to a network, and calls no stranger's tracker.
        patch.setenv("FILESEND_LISTEN", "local")
        patch.setenv("FILESEND_TRACKERS", "none")
        patch.setenv("XDG_STATE_HOME", state)  # for processes without the variables of ours
        yield


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Keep what is very long out of a test's name, which every worker and report passes on."""
    if isinstance(val, str | bytes) and len(val) > _LONGEST_NAME:
        return f"{argname} of {len(val)}"
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "long" not in config.option.markexpr:
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]
    if not library.installed():
        for item in items:
            if item.get_closest_marker("native"):
                item.add_marker(pytest.mark.skip(reason=NO_NATIVE))


def pytest_collection_finish() -> None:
    """Leave what all tests are made of out of every later garbage collection."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Hold a test that connects with whatever stack there is to saying so."""
    opened = 0
    opens = WebRtcAttempt._open

    def counted(attempt: WebRtcAttempt, channel: WebRtcChannel) -> None:
        nonlocal opened
        opened += attempt._config.webrtc is WebRtcStack.AUTO
        opens(attempt, channel)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WebRtcAttempt, "_open", counted)
        yield
    if opened and not any(map(item.get_closest_marker, ("webrtc", "native"))):
        pytest.fail("it connects by WebRTC: mark it webrtc, for the native stack to be tried, too")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return judged((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return judged((yield))


def judged(report: Report) -> Report:
    """Make a skip in CI a failure, unless its reason is among those that are known."""
    # Where, in which line and why; what is expected to fail counts as skipped and has another.
    if report.skipped and isinstance(report.longrepr, tuple) and os.environ.get("CI"):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if reason not in MAY_BE_SKIPPED:
            report.outcome = "failed"
            report.longrepr = f"skipped in CI, which tests/conftest.py does not know of: {reason}"
    return report


@dataclass(frozen=True)
class RunningRelay:
    """A real relay on a free port of this machine, served by a thread of its own."""

    url: str
    tracker: str
    server: RelayServer
    thread: threading.Thread

    def stop(self) -> None:
        """Close it as SIGTERM would, and wait until it has closed."""
        self.server.should_exit = True
        self.thread.join(10)
        assert not self.thread.is_alive()


@contextmanager
def running_relay(
    limits: Limits | None = None,
    trusted_proxies: Sequence[str] = (),
    metrics_to: Sequence[str] = LOOPBACK,
    port: int = 0,
    stores: Stores | None = None,
    turn: TurnServers | None = None,
    pages: SavedPages | None = None,
    announce_as: str | None = None,
    certificate: Certificate | None = None,
    admission: Admission | None = None,
    store: StoreUrl | None = None,
) -> Iterator[RunningRelay]:
    """Run a relay. store: whose state it shares; else where tests are told that relays keep it."""
    bus = None
    if stores is None:
        stores, bus = kept(limits, store)
    with listen("127.0.0.1", port) as listener:
        ready = threading.Event()
        server = RelayServer(
            listener,
            limits=limits,
            proxies=Proxies(trusted_proxies),
            metrics_to=metrics_to,
            stores=stores,
            turn=turn,
            pages=pages,
            bus=bus,
            announce_as=announce_as,
            certificate=certificate,
            admission=admission,
            on_ready=lambda _url: ready.set(),
        )
        thread = threading.Thread(target=server.run, name="relay", daemon=True)
        thread.start()
        assert ready.wait(10)
        running = RunningRelay(
            url=server.url,
            tracker=server.url.replace("http", "ws", 1) + "/announce",
            server=server,
            thread=thread,
        )
        try:
            yield running
        finally:
            running.stop()


@pytest.fixture
def relay() -> Iterator[RunningRelay]:
    with running_relay() as running:
        yield running


@pytest.fixture
def relay_url(relay: RunningRelay) -> str:
    return relay.url
