"""Where this program keeps what it has to remember, unless a setting names another folder."""

from __future__ import annotations

from pathlib import Path


def default_state_folder() -> Path:
    """Return the folder on this system, whether or not it exists."""
    import platformdirs

    return platformdirs.user_state_path("filesend", appauthor=False)
