"""What programs that this one starts are told by their environment. None is started here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: How the names of our variables begin that hold a password.
_SECRET: Final = ("FILESEND_TURN_", "FILESEND_PROXY", "FILESEND_STORE")


def without_logins(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the logins of this program's own variables."""
    return {key: value for key, value in environment.items() if not key.startswith(_SECRET)}
