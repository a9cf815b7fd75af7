"""The face in docs/adding-a-face.md is one: its lines take what is sent to them."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any
from urllib.request import url2pathname

import pytest

from filesend_tui.core.client import Client
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.events import Paired
from tests.conftest import RunningRelay

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-face.md"

pytestmark = pytest.mark.webrtc


def lines_of_the_page() -> dict[str, Any]:
    """What the page's lines define."""
    text = PAGE.read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    made: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), made)
    return made


async def test_its_lines_take_what_is_sent(relay: RunningRelay, tmp_path: Path) -> None:
    take_everything = lines_of_the_page()["take_everything"]
    (tmp_path / "letter").write_bytes(b"dear Ann")
    sender = Client(ClientConfig(name="Bob", output=tmp_path))
    news = sender.subscribe()
    try:
        async with asyncio.timeout(60):
            await sender.connect(relay.url)
            code = await sender.create_code()
            taking = asyncio.create_task(take_everything(relay.url, code, tmp_path / "inbox"))
            async for event in news:
                if isinstance(event, Paired):
                    break
            await sender.request([tmp_path / "letter"])
            url = await taking
    finally:
        await sender.destroy()
    assert Path(url2pathname(url.removeprefix("file:"))) == tmp_path / "inbox" / "letter"
    assert (tmp_path / "inbox" / "letter").read_bytes() == b"dear Ann"
