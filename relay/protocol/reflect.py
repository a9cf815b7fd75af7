"""The reflection: where a request comes from, as the relay sees it.

A client asks from the port that it listens on, and so learns under which address and port its
router shows it to others, where the router maps by source alone.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

#: Path of the reflection on a relay; a GET.
REFLECT_PATH: Final = "/reflect"
#: Longest answer, in bytes.
MAX_REFLECTION: Final = 256


class Reflection(msgspec.Struct, frozen=True, kw_only=True):
    """The answer, JSON. address: an IP address. port: null where a proxy hides it."""

    address: Annotated[str, msgspec.Meta(max_length=45)]
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] | None
