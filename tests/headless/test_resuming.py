"""headless/resuming.py: what another process takes between a look and a claim.

The rest is in tests/cli/test_unfinished.py and tests/e2e/test_going_on.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from filesend_tui.core.client import Client
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import UnderWay
from filesend_tui.core.events import SessionId, TransferId, Unfinished
from filesend_tui.core.journal.journal import Journal
from filesend_tui.headless import resuming
from filesend_tui.headless.asking import Asker
from filesend_tui.headless.paired import Places
from tests.cli.test_cli import environment  # noqa: F401 - a fixture
from tests.cli.test_unfinished import ANNS, BOBS, Place, place  # noqa: F401 - a fixture
from tests.conftest import RunningRelay
from tests.journal.everything import closed
from tests.journal.samples import ANN


@pytest.fixture
async def client(place: Place) -> AsyncIterator[Client]:  # noqa: F811
    await place.keep(ANN, ANNS)
    await place.keep(ANN, BOBS)
    journal = Journal.open(place.folder)
    client = Client(ClientConfig(name="Me", output=place.folder), journal)
    yield client
    await client.destroy()
    await closed(journal)


async def test_whose_session_another_process_has_is_told(
    place: Place,  # noqa: F811
    client: Client,
    relay: RunningRelay,
    tmp_path: Path,
) -> None:
    await place.hold(ANN, ANNS)

    async def page() -> str | None:
        return None

    here = Places(lambda client: client.connect(relay.url), relay.url, beyond=True, page=page)
    with pytest.raises(UnderWay, match=f"process {place.pid} is at something with Ann"):
        await resuming.resume(
            client, here, [BOBS], Asker.on_standard_input(), folder=tmp_path, json=True
        )


async def test_what_is_taken_meanwhile_is_not_forgotten_and_told(
    place: Place,  # noqa: F811
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forget = client.forget

    async def taken_first(session: SessionId, transfer: TransferId) -> bool:
        if transfer == ANNS:
            await place.hold(ANN, ANNS)
        return await forget(session, transfer)

    monkeypatch.setattr(client, "forget", taken_first)
    with pytest.raises(UnderWay, match=f"under way in process {place.pid}"):
        await resuming.forget(client, (), everything=True)
    left: tuple[Unfinished, ...] = await client.unfinished()
    assert [each.transfer for each in left] == [ANNS]
