"""headless/replacing.py: what is there already is told, and asked about, before it is replaced."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest

from filesend_tui.core.choices import ARRIVING, Arriving, Overwrite, Stood
from filesend_tui.core.events import Direction, FileEntry, FileRequest, LinkEntry
from filesend_tui.core.torrent.storage.arrival.existing import Existing
from filesend_tui.headless.asking import Asker
from filesend_tui.headless.narration import request_lines
from filesend_tui.headless.replacing import ask_replacing, existing_lines

REQUEST = FileRequest(
    transfer="a",
    direction=Direction.RECEIVE,
    partner="P",
    files=tuple(FileEntry(path=name, size=3) for name in "abcd"),
    total_bytes=12,
)
FOUND = (
    Existing(0, 3, 10, same=True, older=False),
    Existing(1, 5, 5, same=False, older=True),
    Existing(3, 5, 99, same=False, older=False),
)


class Scripted(Asker):
    """Answers what it was told to; as on a terminal."""

    def __init__(self, *answers: str, interactive: bool = True) -> None:
        self.said = io.StringIO()
        super().__init__(-1, self.said)
        self._answers = list(answers)
        self._is_interactive = interactive

    @property
    def interactive(self) -> bool:
        return self._is_interactive

    async def ask(self, question: str) -> str | None:
        self.said.write(question + "\n")
        return self._answers.pop(0) if self._answers else None


@pytest.mark.parametrize(
    ("answers", "replaced"),
    [
        (("y", "n", "y"), (0, 3)),
        (("n", "a"), (1, 3)),
        (("y", "o"), (0,)),
        (("what", "ALL"), (0, 1, 3)),
        (("none",), ()),
        (("y",), (0,)),  # the end of input is a no to the rest
        ((), ()),
    ],
    ids=lambda value: "-".join(map(str, value)) or "nothing",
)
async def test_each_file_is_asked_about_or_all_of_them(
    answers: Sequence[str], replaced: tuple[int, ...]
) -> None:
    agreed = await ask_replacing(Scripted(*answers), REQUEST, FOUND, (True,) * 4)
    stood = {each.number: Stood(each.number, each.size, each.modified_ns) for each in FOUND}
    assert agreed == tuple(stood[number] for number in replaced)


async def test_what_was_declined_is_not_asked_about() -> None:
    asker = Scripted("a")
    assert await ask_replacing(asker, REQUEST, FOUND, (False, False, True, True)) == (
        Stood(3, 5, 99),
    )
    assert asker.said.getvalue().count("?") == 1
    assert await ask_replacing(asker, REQUEST, FOUND, (False, False, True, False)) == ()


async def test_without_a_terminal_nothing_is_replaced_and_that_is_said() -> None:
    asker = Scripted(interactive=False)
    assert await ask_replacing(asker, REQUEST, FOUND, (True,) * 4) == ()
    assert "nothing is overwritten" in asker.said.getvalue()


@pytest.mark.parametrize(
    ("arriving", "lines"),
    [
        (ARRIVING, []),
        (
            Arriving(overwrite=Overwrite.OLDER),
            [
                "1 file is older, and replaced: b",
                "2 files are there already, and what arrives gets a number: a, d",
            ],
        ),
        (
            Arriving(overwrite=Overwrite.OLDER, skip_existing=True),
            [
                "1 file is there already, with the same size and time: left out.",
                "1 file is older, and replaced: b",
                "1 file is there already, and what arrives gets a number: d",
            ],
        ),
        (Arriving(overwrite=Overwrite.ASK), ["3 files are there already: a, b, d"]),
    ],
    ids=["beside", "older", "older and skipped", "asked"],
)
def test_what_becomes_of_what_is_there_is_told(arriving: Arriving, lines: list[str]) -> None:
    assert existing_lines(REQUEST, FOUND, arriving) == lines


def test_programs_and_links_are_told_before_a_yes() -> None:
    links = (
        LinkEntry(path="l", to="a"),
        LinkEntry(path="m", to="b"),
        LinkEntry(path="n", to="a", hard=True),
    )
    unusual = FileRequest(
        transfer="a",
        direction=Direction.RECEIVE,
        partner="P",
        files=REQUEST.files,
        total_bytes=12,
        programs=2,
        links=links,
    )
    assert request_lines(unusual)[len(request_lines(REQUEST)) :] == [
        "  2 are programs: made to be run once here",
        "  and 2 links to what is sent: l → a, m → b",
        "  and 1 further name of these files, which come once",
    ]
