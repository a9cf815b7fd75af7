"""Announces what nobody should believe, as fast as it can: raw packets of mDNS.

python -m tests.nearby.rogue KIND [--count N] [--address ADDRESS]
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import socket
import struct

GROUP = ("224.0.0.251", 5353)
TYPE = "_filesend._tcp.local."
STRINGS = b"\xff" + bytes(255)
PTR, TXT, SRV, A, AAAA, NSEC = 12, 16, 33, 1, 28, 47


def name(text: str) -> bytes:
    labels = text.rstrip(".").split(".")
    return b"".join(bytes([len(each)]) + each.encode() for each in labels) + b"\0"


def record(owner: str, kind: int, data: bytes, ttl: int = 2**31 - 1) -> bytes:
    return name(owner) + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def packet(*records: bytes) -> bytes:
    return struct.pack("!HHHHHH", 0, 0x8400, 0, len(records), 0, 0) + b"".join(records)


def service(
    instance: str,
    addresses: list[str],
    port: int = 8421,
    txt: bytes = b"\x03v=1",
    host: str | None = None,
) -> bytes:
    full = f"{instance}.{TYPE}"
    host = host or f"{instance}.local."
    told = [
        record(TYPE, PTR, name(full)),
        record(full, SRV, struct.pack("!HHH", 0, 0, port) + name(host)),
        record(full, TXT, txt),
    ]
    for each in addresses:
        address = ipaddress.ip_address(each)
        told.append(record(host, A if address.version == 4 else AAAA, address.packed))
    return packet(*told)


def packets(kind: str, number: int, address: str) -> bytes:
    instance = f"{number:08x}"
    match kind:
        case "address":
            return service(instance, [address])
        case "port 0":
            return service(instance, [address], 0)
        case "other version":
            return service(instance, [address], txt=b"\x03v=2")
        case "no version":
            return service(instance, [address], txt=b"\0")
        case "names of people":
            return service(f"Ann {number}", [address], host=f"ann-{number}.local.")
        case "long names":
            label = os.urandom(31).hex()
            return service(".".join([label[:62]] * 3), [address], host=f"{label}.local.")
        case "huge":
            return service(instance, [address], txt=STRINGS * 34)
        case "64 KiB":
            return service(instance, [address], txt=STRINGS * 250)
        case "types without end":
            bits = b"".join(bytes([window % 256, 32]) + b"\xff" * 32 for window in range(250))
            return packet(record(f"{instance}.{TYPE}", NSEC, name("x.local.") + bits))
        case "addresses without end":
            told = [
                record("one.local.", A, ipaddress.IPv4Address(number * 50 + each).packed)
                for each in range(50)
            ]
            return packet(*told)
        case "noise":
            return struct.pack("!HHHHHH", 0, 0x8400, 0, 9, 9, 9) + os.urandom(400)
        case "goodbyes":
            return packet(record(TYPE, PTR, name(f"{instance}.{TYPE}"), ttl=0))
    raise LookupError(kind)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--address", default="192.168.7.66")
    options = parser.parse_args()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(("", 5353))
        interface = socket.if_nametoindex("eth")
        where = struct.pack("@4s4si", bytes(4), bytes(4), interface)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, where)
        for number in range(options.count):
            sock.sendto(packets(options.kind, number, options.address), GROUP)


main()
