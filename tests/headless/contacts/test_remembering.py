"""The question whether two remember each other, around a transfer: real clients, a real relay."""

from __future__ import annotations

import asyncio
import io
import os
from pathlib import Path

from filesend_tui.core import events as e
from filesend_tui.headless.asking import Asker
from filesend_tui.headless.paired import receive, send
from tests.conftest import RunningRelay
from tests.contacts.friends import friends
from tests.headless.contacts.test_standing import at, nobody


async def test_who_compares_words_hears_a_question_that_came_meanwhile(
    relay: RunningRelay, tmp_path: Path
) -> None:
    """The sender asks as soon as the two are paired, while the receiver is at the words."""
    (tmp_path / "note.txt").write_bytes(b"n")
    typed, keys = os.pipe()
    asker = Asker(typed, io.StringIO())
    async with asyncio.timeout(60), friends(tmp_path, "Ada", "Bob") as (ada, bob):
        for each in (ada, bob):
            await each.start()
        async with asyncio.TaskGroup() as runs:
            source = [tmp_path / "note.txt"]
            runs.create_task(send(bob.client, at(relay), source, None, nobody(), remember=True))
            code = (await bob.told(e.Code)).code
            runs.create_task(
                receive(
                    ada.client,
                    at(relay),
                    code,
                    asker,
                    accept_all=True,
                    output=ada.output,
                    verify=True,
                )
            )
            await ada.told(e.RememberAsked)
            os.write(keys, b"yes\n")
        assert (ada.output / "note.txt").read_bytes() == b"n"
        await bob.told(e.RememberDeclined)  # nobody can be asked: a no, and not no answer
        assert await bob.client.contacts() == ()
    os.close(keys)
