"""core/checks.py: what a face asks before a Client is; the answers are tested where they live."""

from __future__ import annotations

from pathlib import Path

import pytest

from filesend_tui.core import checks
from filesend_tui.core.errors import BadSharePage, InvalidCode, RelayUnreachable, StorageFailed
from filesend_tui.core.transports.webrtc.native import library


def test_codes() -> None:
    assert checks.read_code("the code: 4711 Apple violin") == "4711-apple-violin"
    assert "4711-apple" in checks.complete_code("4711-appl")
    with pytest.raises(InvalidCode):
        checks.read_code("banana")


def test_addresses_and_links() -> None:
    assert checks.relay_address("relay.example").url == "http://relay.example:8421"
    assert checks.relay_address("https://relay.example").tracker.startswith("wss://relay.example/")
    assert checks.is_tracker("wss://tracker.example")
    assert not checks.is_tracker("ws://[")
    magnet = f"magnet:?xt=urn:btih:{'0' * 40}&tr=wss://tracker.example"
    assert checks.trackers_in(magnet) == ("wss://tracker.example",)
    assert checks.trackers_in("http://x") == ()
    assert checks.share_page("https://page.example/#") == "https://page.example/"
    with pytest.raises(RelayUnreachable):
        checks.relay_address("ftp://x")
    with pytest.raises(BadSharePage):
        checks.share_page("page.example")


def test_folders(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert checks.check_folder(tmp_path / "new").path == tmp_path / "new"
    assert checks.free_space(tmp_path / "new") > 0
    assert checks.is_part_name(".filesend-0123456789abcdef.part")
    with pytest.raises(StorageFailed):
        checks.check_folder(tmp_path / "file")


@pytest.mark.parametrize("installed", [True, False])
def test_what_is_missing_says_how_to_come_by_it(
    monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    monkeypatch.setattr(library, "installed", lambda: installed)
    missing = checks.missing_native_stack()
    assert (missing is None) is installed
    assert missing is None or "filesend-tui[fast]" in missing.hint
