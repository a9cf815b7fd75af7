"""Changes to the settings file, which keep its other contents, comments and order.

A change is atomic: a crash or a full disk leaves the file as it was. What the settings mean is
parse.py's; load.py alone reads them.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from filesend_tui.settings.load import SettingsError

#: The mode of a new settings file, which may come to hold a password.
_OWN_MODE: Final = 0o600


def change(path: Path, values: Mapping[str, str | None]) -> None:
    """Write these settings into the file; None removes one. Blocking.

    A symbolic link is followed: its target is changed. The file keeps its mode.

    Args:
        path: The settings file, whether or not it exists.
        values: The new values, by key.

    Raises:
        SettingsError: The file cannot be read or written, or is no TOML.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        place = path.resolve()
        text = place.read_text(encoding="utf-8") if place.exists() else ""
        mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else _OWN_MODE
        document = tomlkit.parse(text)
        for key, value in values.items():
            if value is not None:
                document[key] = value
            elif key in document:
                del document[key]
        place.parent.mkdir(parents=True, exist_ok=True)
        _replace(place, tomlkit.dumps(document), mode)
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        why = getattr(error, "strerror", None) or error
        raise SettingsError(f"{path}: cannot be changed: {why}") from error


def _replace(place: Path, text: str, mode: int) -> None:
    """Replace a file by one with this text, atomically (fsync, then rename)."""
    descriptor, name = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(mode)
        beside.replace(place)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
