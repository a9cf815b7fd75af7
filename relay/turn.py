"""Time-limited TURN credentials by coturn's REST scheme (draft-uberti-behave-turn-rest-00).

The relay and the TURN server have a secret in common, and nothing else: a username is the time of
its end (seconds since 1970), a colon and an opaque id; the credential is the base64 of HMAC-SHA-1
over it. Who may have one is people/handlers.py's. No connection to a TURN server ever lives here.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from relay.guard.addresses import networks
from relay.protocol.turn import (
    CREDENTIAL_LIFETIME,
    CREDENTIAL_STEP,
    MAX_SERVERS,
    parse_turn_url,
)
from relay.protocol.words import TurnLogin
from relay.secret_file import read_secret

# Bytes of a secret. Whoever has a credential can try secrets against it: a short one is found.
_SHORTEST: Final = 16
_LONGEST: Final = 1024
_MAKE_ONE: Final = "write one with `openssl rand -hex 32 > FILE`, and name it to coturn too"


class TurnServers:
    """The TURN servers of a relay.

    Args:
        urls: At least one.
        secret: Shared with them.
        clock: Seconds since 1970.

    Raises:
        ValueError: One of the URLs is none, or there are too many.
    """

    def __init__(
        self, urls: Sequence[str], secret: bytes, clock: Callable[[], float] = time.time
    ) -> None:
        if not 0 < len(urls) <= MAX_SERVERS:
            raise ValueError(f"there are 1 to {MAX_SERVERS} TURN servers")
        for url in urls:
            parse_turn_url(url)
        self._urls = tuple(urls)
        self._secret = secret
        self._clock = clock

    def __repr__(self) -> str:
        return f"TurnServers({list(self._urls)})"  # never the secret

    def login(self, address: str) -> TurnLogin:
        """Return the servers, and a credential for somebody with this address.

        Within an hour an address has one username, so that coturn's `user-quota` bounds what it
        gets; from hour to hour nothing in it is the same.
        """
        step = CREDENTIAL_STEP
        ends = -(-int(self._clock()) // step) * step + CREDENTIAL_LIFETIME
        # With another hash than the credential's: neither can be taken for the other.
        about = f"filesend/turn {ends} {networks(address)[0].name}".encode()
        whose = hmac.new(self._secret, about, hashlib.sha256).hexdigest()[:16]
        username = f"{ends}:{whose}"
        # SHA-1 is the scheme's; as a MAC it is unbroken.
        mac = hmac.new(self._secret, username.encode(), hashlib.sha1).digest()
        return TurnLogin(
            urls=self._urls, username=username, credential=b64encode(mac).decode("ascii")
        )


def turn_servers(urls: Sequence[str], secret_file: Path | None) -> TurnServers | None:
    """Return the TURN servers of these settings; None where there are none.

    Raises:
        ValueError: One of the two is missing or cannot be used. Tells nothing of the secret.
    """
    if not urls and secret_file is None:
        return None
    if secret_file is None:
        raise ValueError("--turn needs --turn-secret-file, the secret of the TURN server")
    if not urls:
        raise ValueError("--turn-secret-file needs --turn, the TURN server's URL")
    return TurnServers(urls, _secret(secret_file))


def _secret(path: Path) -> bytes:
    secret = read_secret(path, "a TURN secret", _LONGEST)
    if not secret:
        raise ValueError(f"{path} is empty; {_MAKE_ONE}")
    if not _SHORTEST <= len(secret) <= _LONGEST:
        raise ValueError(f"a TURN secret has {_SHORTEST} to {_LONGEST} bytes; {_MAKE_ONE}")
    return secret
