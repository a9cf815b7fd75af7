"""The key by which a relay lets a saved page in, asked of the relay itself.

What the page holds, and where it is written to, never lives here.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from importlib import import_module
from typing import Any, Final

from filesend_tui.core.errors import RelayUnreachable
from filesend_tui.core.util.proxies import Proxies
from filesend_tui.core.util.unreachable import why_unreached
from relay.protocol.saved_page import MAX_PAGE_KEY_ANSWER, PAGE_KEY_PATH, PageKey

#: Seconds for all of it.
_PATIENCE: Final = 20.0


async def page_key_of(relay: str, proxies: Proxies) -> str | None:
    """Return the key of saved pages that a relay tells; None where it lets none in.

    Args:
        relay: Its URL.
        proxies: What it is reached by.

    Raises:
        RelayUnreachable: Nobody answers there.
    """
    import msgspec

    http: Any = await asyncio.to_thread(import_module, "filesend_tui.core.util.http_client")
    url = f"{relay}{PAGE_KEY_PATH}"
    try:
        async with (
            asyncio.timeout(_PATIENCE),
            http.http_session(proxies.of(url)) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            status, content = answer.status, await http.beginning(answer, MAX_PAGE_KEY_ANSWER)
    except Exception as error:  # a server there may answer anything at all
        why = why_unreached(error)
        reason = why.reason if why is not None else "it does not answer as a relay does"
        raise RelayUnreachable(
            f"The relay at {relay} cannot be reached: {reason}.", why.hint if why else ""
        ) from error
    if status != HTTPStatus.OK:
        return None
    try:
        return msgspec.json.decode(content, type=PageKey).key
    except msgspec.DecodeError:  # ValidationError is one of them
        return None
