from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from filesend_tui.core.util.folder_sync import sync_folder

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows opens no folders")


@pytest.mark.parametrize("number", [None, errno.EINVAL, errno.EIO])
def test_what_a_file_system_cannot_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int | None
) -> None:
    synced: list[int] = []

    def fsync(descriptor: int) -> None:
        synced.append(descriptor)
        if number is not None:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        if number == errno.EIO:
            with pytest.raises(OSError, match="error"):
                sync_folder(descriptor)
        else:
            sync_folder(descriptor)
    finally:
        os.close(descriptor)
    assert synced == [descriptor]
