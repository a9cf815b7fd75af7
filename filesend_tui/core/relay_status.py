"""What a relay tells of itself: that it is one, its version, and its figures where it shows them.

Read by HTTP, as anybody may; nothing is changed. How it is printed is headless/relays/status.py's.
"""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus
from importlib import import_module
from math import isfinite
from typing import Any, Final

import msgspec

from filesend_tui.core.errors import RelayUnreachable
from filesend_tui.core.relay_client.address import parse_relay_url
from filesend_tui.core.util.proxies import NO_PROXIES, Proxies
from filesend_tui.core.util.text import clean
from filesend_tui.core.util.unreachable import why_unreached

#: Timeout in seconds of both requests.
TIMEOUT: Final = 10.0
#: Most bytes read of an answer, and most figures of one.
MAX_ANSWER: Final = 256 * 1024
MAX_FIGURES: Final = 256
#: What the names of a relay's figures begin with.
_PREFIX: Final = "filesend_relay_"
_CHECK: Final = "Check the address, and that filesend relay runs there."


class RelayStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A relay that answers.

    url: as it was asked. version: its program's. seconds: how long it took to answer. figures: by
    their names in Prometheus' form, without the prefix; a label follows in braces. None: it does
    not show them to this machine.
    """

    url: str
    version: str
    seconds: float
    figures: dict[str, float] | None


async def relay_status(url: str, proxies: Proxies = NO_PROXIES) -> RelayStatus:
    """Ask a relay how it is.

    Raises:
        RelayUnreachable: Nothing answers there, or no relay.
    """
    address = parse_relay_url(url)
    http: Any = await asyncio.to_thread(import_module, "filesend_tui.core.util.http_client")
    try:
        async with asyncio.timeout(TIMEOUT), http.http_session(proxies.of(address.url)) as session:
            began = time.monotonic()
            # A redirect could lead to a service that listens on loopback only.
            async with session.get(f"{address.url}/healthz", allow_redirects=False) as answer:
                version = version_of(await http.beginning(answer, MAX_ANSWER))
            seconds = time.monotonic() - began
            if version is None:
                raise RelayUnreachable(f"What answers at {address.url} is no relay.", _CHECK)
            async with session.get(f"{address.url}/metrics", allow_redirects=False) as answer:
                shown = answer.status == HTTPStatus.OK
                metrics = await http.beginning(answer, MAX_ANSWER)
    except TimeoutError:
        silent = f"Nothing answers at {address.url} in {TIMEOUT:.0f} seconds."
        raise RelayUnreachable(silent, _CHECK) from None
    except OSError as error:  # aiohttp's are, where a connection fails
        why = why_unreached(error)
        said_why = f": {why.reason}" if why else ""
        raise RelayUnreachable(
            f"No relay answers at {address.url}{said_why}.", (why and why.hint) or _CHECK
        ) from error
    return RelayStatus(
        url=address.url,
        version=version,
        seconds=seconds,
        figures=figures_of(metrics) if shown else None,
    )


def figures_of(text: bytes) -> dict[str, float]:
    """Return the relay's figures in a text of Prometheus' form; what makes no sense is left out."""
    from prometheus_client.parser import text_string_to_metric_families

    figures: dict[str, float] = {}
    try:
        for family in text_string_to_metric_families(text.decode(errors="replace")):
            for sample in family.samples:
                named = sample.name.startswith(_PREFIX) and not sample.name.endswith("_created")
                if not named or not isfinite(sample.value) or len(figures) >= MAX_FIGURES:
                    continue
                label = ",".join(clean(str(each), 40) for each in sample.labels.values())
                name = clean(sample.name.removeprefix(_PREFIX), 60)
                figures[f"{name}{{{label}}}" if label else name] = sample.value
    except (ValueError, KeyError, IndexError):  # the parser's, for a text that is none
        pass
    return figures


def version_of(health: bytes) -> str | None:
    """Return the version that a relay says in its answer at /healthz; None: no relay answered."""
    try:
        said = msgspec.json.decode(health, type=dict[str, str])
    except msgspec.DecodeError:
        return None
    return clean(said.get("version", ""), 20) if said.get("service") == "filesend-relay" else None
