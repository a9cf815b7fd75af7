"""Kinds of networks at home, and the rules of their routers (nftables). Nothing runs here."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What is between a person and the internet."""

    #: No router: an address on the internet itself.
    PUBLIC = "public"
    #: Mapping and filtering that do not depend on who is spoken to, for UDP (RFC 4787).
    FULL_CONE = "full cone"
    #: The port is kept, and who was spoken to may answer: what most routers at home do.
    CONE = "port-restricted"
    #: Another port for everybody who is spoken to.
    SYMMETRIC = "symmetric"
    #: The next port for everybody who is spoken to.
    COUNTING = "symmetric, counting up"
    #: Two port-restricted ones, one behind the other.
    CGNAT = "CGNAT"
    #: Port-restricted, and only TCP goes out.
    NO_UDP = "UDP blocked"
    #: Port-restricted, and only TCP to port 443 goes out.
    ONLY_443 = "only TCP 443"
    #: Nothing goes out but TCP to a proxy, which connects to port 443 alone (CONNECT, SOCKS 5).
    PROXY = "only a proxy"
    #: IPv6 alone, without NAT; a firewall lets nobody in.
    V6 = "IPv6 only"
    #: IPv4 as port-restricted, IPv6 as above.
    DUAL = "IPv4 and IPv6"
    #: Both people are behind one port-restricted router, which lets none in by its outside.
    LAN = "the same LAN"

    @property
    def has_v4(self) -> bool:
        """Whether there is IPv4."""
        return self is not Kind.V6

    @property
    def has_v6(self) -> bool:
        """Whether there is IPv6."""
        return self in (Kind.V6, Kind.DUAL)


#: What a router lets out, where that is not all.
_OUT: Final = {
    Kind.NO_UDP: "meta l4proto tcp accept",
    Kind.ONLY_443: "tcp dport 443 accept",
    Kind.PROXY: "ip daddr 10.99.0.5 tcp dport 3128 accept",
}


def rules(kind: Kind, client: str, outside: str) -> str:
    """Return the rules of a router.

    client: the address of the only one behind it. outside: its own.

    Its counter `around` has the packets from behind it that it let nowhere.
    """
    full = kind is Kind.FULL_CONE
    into = f"iifname wan udp dport @mapped dnat ip to {client}" if full else ""
    noted = "iifname lan meta l4proto udp update @mapped { udp sport }" if full else ""
    let_in = "iifname wan ct status dnat accept" if full else ""
    another = "fully-random" if kind is Kind.SYMMETRIC else ""
    ports = ", ".join(f"{number} : {40_000 + number}" for number in range(500))
    counting = f"snat ip to {outside} : numgen inc mod 500 map {{ {ports} }}"
    next_one = f"oifname wan ip protocol tcp {counting}" if kind is Kind.COUNTING else ""
    return f"""
        table inet home {{
            counter around {{ }}
            set mapped {{ type inet_service; flags dynamic,timeout; timeout 5m; }}
            chain before {{
                type nat hook prerouting priority dstnat;
                {into}
            }}
            chain after {{
                type nat hook postrouting priority srcnat;
                {next_one}
                oifname wan meta nfproto ipv4 masquerade {another}
            }}
            chain through {{
                type filter hook forward priority filter; policy drop;
                {noted}
                {let_in}
                ct state established,related accept
                iifname lan {_OUT.get(kind, "accept")}
                iifname lan counter name around
            }}
            chain here {{
                type filter hook input priority filter;
                iifname wan meta l4proto {{ tcp, udp }} ct state new drop
                iifname lan meta l4proto {{ tcp, udp }} counter name around
                iifname lan ip daddr 10.99.0.0/16 drop
            }}
        }}"""
