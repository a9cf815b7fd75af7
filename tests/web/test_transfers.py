"""A page in a real Chromium and a real `filesend` send to each other, through a real relay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import RunningRelay
from tests.e2e.processes import World, contents, fill
from tests.interop import deps
from tests.interop.kinds import PEERS
from tests.interop.line_process import LineProcess
from tests.web.conftest import TIMEOUT


@pytest.fixture
def page(build: Path, relay: RunningRelay, tmp_path: Path) -> Iterator[LineProcess]:
    try:
        browser = deps.ensure(system=False)
    except deps.Missing as missing:
        pytest.fail(str(missing), pytrace=False)
    driver = PEERS / "web_page.mjs"
    process = LineProcess("page", ["node", driver, browser, relay.url], log=tmp_path / "page.log")
    process.wait("ready", TIMEOUT)
    yield process
    process.close()


@pytest.mark.webrtc
def test_it_takes_a_folder(world: World, page: LineProcess, tmp_path: Path) -> None:
    top = tmp_path / "from" / "top"
    for name, size in {"a.bin": 3_000_001, "ü/ж.bin": 17, "empty": 0, "b.bin": 20_000_000}.items():
        fill(top / name, size)
    sender, code = world.send(top)
    page.tell(do="join", code=code)
    done = page.wait(lambda line: line["event"] in ("done", "refused"), TIMEOUT)
    assert done["event"] == "done", page.report()
    assert sender.end() == 0, sender.report()
    got = {line["path"]: line["digest"] for line in page.lines if line["event"] == "file"}
    assert got == contents(tmp_path / "from")


#: A file, a folder, and several things: a torrent of each kind.
SENT: tuple[dict[str, int], ...] = (
    {"a.bin": 5_000_001},
    {"top/a.bin": 3_000_001, "top/empty": 0, "top/ü/ж.bin": 17},
    {"a.bin": 100_000, "b/c.bin": 100_000},
)


@pytest.mark.webrtc
def test_it_sends(world: World, page: LineProcess, tmp_path: Path) -> None:
    for number, sizes in enumerate(SENT):
        start, to = len(page.lines), tmp_path / f"to{number}"
        page.tell(do="send", sizes=sizes)
        receiver = world.receive(page.wait("code", TIMEOUT, after=start)["code"], to)
        done = page.wait(lambda line: line["event"] in ("done", "refused"), TIMEOUT, after=start)
        assert done["event"] == "done", page.report()
        assert receiver.end() == 0, receiver.report()
        said = page.lines[start:]
        digests = {line["path"]: line["digest"] for line in said if line["event"] == "file"}
        assert contents(to) == digests
