"""What a standing receiver takes without asking."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from filesend_tui.core.events import Allowance, Direction, FileEntry, FileRequest
from filesend_tui.headless.contacts.rules import Rules, judge

HERE = Path("/here")
ASKED = FileRequest(
    transfer="t",
    direction=Direction.RECEIVE,
    partner="Bob",
    files=(FileEntry(path="album/A.JPG", size=60), FileEntry(path="b.png", size=40)),
    total_bytes=100,
)
IMAGES = ("*.jpg", "*.PNG")


@pytest.mark.parametrize(
    ("allowed", "accept_all", "most", "folder", "reason"),
    [
        pytest.param(None, False, None, None, "without asking", id="off by default"),
        pytest.param(None, True, None, HERE, "", id="everything"),
        pytest.param(None, True, 100, HERE, "", id="everything up to this"),
        pytest.param(None, True, 99, None, "more than 99", id="everything, and this is more"),
        pytest.param(Allowance(), False, None, HERE, "", id="anything of theirs"),
        pytest.param(Allowance(), False, 99, None, "more than 99", id="more than this run takes"),
        pytest.param(Allowance(size=100), False, None, HERE, "", id="as much as they may"),
        pytest.param(Allowance(size=99), False, None, None, "of yours", id="more than they may"),
        pytest.param(Allowance(kinds=IMAGES), False, None, HERE, "", id="these kinds"),
        pytest.param(Allowance(kinds=("*.jpg",)), False, None, None, "only", id="not that kind"),
        pytest.param(
            Allowance(folder="/there"), False, None, Path("/there"), "", id="their own folder"
        ),
    ],
)
def test_a_request_is_judged(
    allowed: Allowance | None, accept_all: bool, most: int | None, folder: Path | None, reason: str
) -> None:
    verdict = judge(ASKED, allowed, Rules(accept_all, most, HERE))
    assert verdict.folder == folder
    assert reason in verdict.reason
    assert len(verdict.reason) <= 200


@pytest.mark.parametrize(
    ("allowed", "rules", "taken"),
    [
        pytest.param(None, Rules(True, None, HERE), True, id="everything"),
        pytest.param(None, Rules(True, 1000, HERE), False, id="everything up to a size"),
        pytest.param(Allowance(size=1), Rules(True, None, HERE), True, id="everything, unasked"),
        pytest.param(Allowance(), Rules(False, None, HERE), True, id="anything of theirs"),
        pytest.param(Allowance(size=1000), Rules(False, None, HERE), False, id="up to a size"),
    ],
)
def test_a_stream_has_no_size_and_passes_no_bound(
    allowed: Allowance | None, rules: Rules, taken: bool
) -> None:
    stream = structs.replace(ASKED, stream=True, total_bytes=0)
    assert (judge(stream, allowed, rules).folder is not None) is taken


def test_a_reason_fits_its_word() -> None:
    kinds = tuple(f"*.{'x' * 30}{n}" for n in range(50))
    assert len(judge(ASKED, Allowance(kinds=kinds), Rules(False, None, HERE)).reason) == 200
