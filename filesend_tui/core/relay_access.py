"""Which relay the channels of each session may use, for the engine: where its two people meet.

What a transport does with a relay is its own package's; connecting to one is relay_client/'s.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from filesend_tui.core.events import SessionId
from filesend_tui.core.sessions.manager import SessionManager
from filesend_tui.core.transports.base import RelayAccess, RelayEntry
from filesend_tui.core.util.proxies import Proxies


class SessionRelay:
    """The relay of one session, which may change; a RelayAccess.

    Args:
        sessions: Returns the client's sessions; called when a relay is asked.
        proxies: What relays are reached by.
        session: Which; None: of open swarms.
    """

    def __init__(
        self,
        sessions: Callable[[], SessionManager],
        proxies: Proxies,
        session: SessionId | None,
    ) -> None:
        self._sessions = sessions
        self._proxies = proxies
        self._session = session

    @property
    def proxied(self) -> bool:
        """See RelayAccess."""
        url = self._sessions().place_of(self._session)
        return bool(url) and self._proxies.of(url) is not None

    async def __call__(self) -> RelayEntry:
        """See RelayAccess."""
        address, roads = await self._sessions().roads(self._session)
        return RelayEntry(
            address.url.partition("://")[2],
            address.transit,
            address.reflect,
            address.stun(roads.stun_port) if roads.stun_port else "",
            roads.pass_ or b"",
            roads.turn,
        )


def relays_of(
    sessions: Callable[[], SessionManager], proxies: Proxies
) -> Callable[[SessionId | None], RelayAccess]:
    """Return what returns the relay of a session, the same each time. Arguments: SessionRelay's."""
    return cache(lambda session: SessionRelay(sessions, proxies, session))
