"""The steps of a store on the server: each is a call of one script, which nothing comes between.

The scripts are the `.lua` files here. What their answers mean is people.py's, swarms.py's and
rates.py's; how the server is reached is server.py's.
"""

from __future__ import annotations

import hashlib
import logging
from importlib.resources import files
from typing import Any, Final

import msgspec
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError, ResponseError

from relay.guard.limits import Limits
from relay.stores.base import StoreAway

logger = logging.getLogger(__name__)

#: What all keys of relays on a server begin with.
PREFIX: Final = "filesend"
#: Lua for the seconds of the server's own clock: no two processes have another in common.
SERVER_CLOCK: Final = """
local function now()
  local clock = redis.call('TIME')
  return clock[1] + clock[2] / 1000000
end
"""


class Scripts:
    """The script of one store.

    Args:
        client: Of the server.
        store: The script's name, and that of its keys.
        limits: The bounds, which are written into it.
        clock: Lua that defines `now`.
    """

    def __init__(
        self, client: Redis, store: str, limits: Limits, clock: str = SERVER_CLOCK
    ) -> None:
        here = files("relay.stores.redis")
        common, own = ((here / f"{name}.lua").read_text("utf-8") for name in ("common", store))
        text = "\n".join((clock, _bounds(limits), common, own))
        self._client = client
        self._text = text
        # The server's name of a script, not a secret.
        self._sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self._base = f"{{{PREFIX}:{store}}}"

    async def step(self, name: str, *arguments: str | bytes | float) -> list[Any]:
        """Take a step; return what the script answers, with bytes for text.

        Raises:
            StoreAway: There was no answer. It may have happened all the same.
        """
        try:
            try:
                answer = await self._client.evalsha(self._sha, 1, self._base, name, *arguments)
            except NoScriptError:  # it is new here, or the server is: nothing has happened
                answer = await self._client.eval(self._text, 1, self._base, name, *arguments)
        except ReadOnlyError as error:
            # Another server has taken over, and will be found at this one's address; whoever still
            # listens at this one hears nothing any more.
            await self._client.connection_pool.disconnect(inuse_connections=True)
            raise StoreAway("the store has become another's copy") from error
        except (RedisError, OSError, TimeoutError) as error:
            if isinstance(error, ResponseError):  # it is there, and cannot do it
                logger.error("a step of the store failed: %s", error)
            raise StoreAway(f"the store did not answer: {error}") from error
        done: list[Any] = answer
        return done

    async def step_surely(self, name: str, *arguments: str | bytes | float) -> list[Any]:
        """Take a step that has the same answer where it is taken twice; try twice.

        Raises:
            StoreAway: As `step`.
        """
        try:
            return await self.step(name, *arguments)
        except StoreAway:
            return await self.step(name, *arguments)


def _bounds(limits: Limits) -> str:
    """Return the whole numbers of these limits as a table of Lua."""
    fields = msgspec.structs.asdict(limits)
    numbers = (f"{name} = {value}" for name, value in fields.items() if type(value) is int)
    return f"local LIMITS = {{ {', '.join(numbers)} }}"
