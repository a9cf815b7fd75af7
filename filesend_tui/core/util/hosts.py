"""What the text of a host is. Looking a name up never lives here, nor which addresses are ours."""

from __future__ import annotations

import ipaddress


def is_address(host: str) -> bool:
    """Return whether a host is an address of IPv4 or IPv6, so that nothing is to be looked up."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
