"""A network of its own for one test: an interface that leads nowhere, and nothing else (Linux).

For peers that ask the whole link, as mDNS does: here nobody but the test's own processes hears it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.interop.line_process import LineProcess

#: RFC 5737.
ADDRESS = "192.0.2.77"
_SETUP = f"""
ip link set lo up
ip link add island type veth peer name shore
ip link set shore up
ip link set island up
ip address add {ADDRESS}/24 dev island
ip route add default dev island
echo '{{"event": "ready"}}'
cat >/dev/null
"""


@contextmanager
def island(scratch: Path) -> Iterator[Sequence[str]]:
    """Make the network; give the command by which a program runs in it."""
    root = os.geteuid() == 0
    own = [] if root else ["--user", "--map-root-user"]
    holder = LineProcess(
        "island", ["unshare", "--net", *own, "sh", "-ec", _SETUP], log=scratch / "island.log"
    )
    try:
        holder.wait("ready", 15)
        enter = [] if root else ["--user", "--preserve-credentials"]
        yield ["nsenter", "--target", str(holder.pid), "--net", *enter, "--"]
    finally:
        holder.close()
