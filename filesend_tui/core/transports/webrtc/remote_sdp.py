"""Validation of an untrusted SDP: text in, checked values out, canonical text again.

Only the fields that a single data channel needs are read (RFC 8839, 8841, 8842); everything else is
dropped, so no media section, no unbounded list and no odd field ever reaches the WebRTC stack.
No socket and no WebRTC object ever lives here.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from filesend_tui.core.errors import ChannelFailed

#: Longest description that is parsed, in characters; a browser's is about 1 KiB.
MAX_SDP: Final = 32 * 1024
#: Most candidates taken from one description: each costs checks to an address a stranger chose.
MAX_CANDIDATES: Final = 32
#: Most of them that are mDNS names, each of which costs a multicast query.
MAX_MDNS: Final = 4
#: Most bytes of a message if the description has no limit (RFC 8841, section 6.1).
DEFAULT_MAX_MESSAGE: Final = 65536
#: Least limit that is accepted: a smaller one would cost a packet for every few bytes.
MIN_MAX_MESSAGE: Final = 1024

Kind = Literal["offer", "answer"]

_ICE_TEXT = r"[A-Za-z0-9+/=_-]"
_MEDIA = re.compile(r"application \d{1,5} (?:(?:UDP|TCP)/)?DTLS/SCTP (?P<format>\S{1,32})")
_FINGERPRINT = re.compile(r"[A-Za-z0-9-]{3,16} [0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){15,63}")
_MDNS_NAME = re.compile(r"[A-Za-z0-9-]{1,63}\.local")
_CANDIDATE = re.compile(
    rf"(?P<foundation>{_ICE_TEXT}{{1,32}}) 1 udp (?P<priority>\d{{1,10}})"
    r" (?P<host>[0-9A-Za-z.:-]{2,69}) (?P<port>\d{1,5}) typ (?P<type>host|srflx|relay)(?: .*)?",
    re.IGNORECASE,
)
#: Attributes that are read, each with the form its value must have.
_ATTRIBUTES: Final = {
    "ice-ufrag": re.compile(rf"{_ICE_TEXT}{{4,256}}"),
    "ice-pwd": re.compile(rf"{_ICE_TEXT}{{22,256}}"),
    "setup": re.compile(r"actpass|active|passive"),
    "mid": re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,32}"),
    "sctp-port": re.compile(r"\d{1,5}"),
    "max-message-size": re.compile(r"\d{1,20}"),
}


@dataclass(frozen=True, slots=True)
class RemoteCandidate:
    """One address of the peer (RFC 8839, section 5.1). UDP and component 1 only."""

    foundation: str
    priority: int
    host: str
    port: int
    type: str

    @property
    def is_mdns(self) -> bool:
        """Whether the host is an mDNS `.local` name."""
        return _MDNS_NAME.fullmatch(self.host) is not None


@dataclass(frozen=True, slots=True)
class RemoteDescription:
    """The contents of an offer or answer for its one data channel.

    max_message: bytes the peer takes in one message. complete: no more candidates will follow.
    """

    kind: Kind
    ufrag: str
    password: str
    fingerprints: tuple[str, ...]
    setup: str
    mid: str
    sctp_port: int
    max_message: int
    candidates: tuple[RemoteCandidate, ...]
    complete: bool
    ice_lite: bool

    @property
    def sdp(self) -> str:
        """Canonical text. mDNS candidates are left out: they are resolved separately."""
        direct = [c for c in self.candidates if not c.is_mdns]
        lines = [
            "v=0",
            "o=- 0 0 IN IP4 0.0.0.0",
            "s=-",
            "t=0 0",
            *(["a=ice-lite"] if self.ice_lite else []),
            f"a=group:BUNDLE {self.mid}",
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{self.mid}",
            f"a=sctp-port:{self.sctp_port}",
            f"a=max-message-size:{self.max_message}",
            *(
                f"a=candidate:{c.foundation} 1 udp {c.priority} {c.host} {c.port} typ {c.type}"
                for c in direct
            ),
            # With none usable, the stack must wait for the peer's own checks.
            *(["a=end-of-candidates"] if self.complete and direct == [*self.candidates] else []),
            f"a=ice-ufrag:{self.ufrag}",
            f"a=ice-pwd:{self.password}",
            *(f"a=fingerprint:{fingerprint}" for fingerprint in self.fingerprints),
            f"a=setup:{self.setup}",
        ]
        return "\r\n".join(lines) + "\r\n"


def vet(sdp: str, kind: Kind) -> RemoteDescription:
    """Validate a description from the network.

    Raises:
        ChannelFailed: It is too long, or does not describe one data channel.
    """
    if len(sdp) > MAX_SDP:
        raise _refused("it is too long")
    lines = sdp.splitlines()
    media = [line[2:] for line in lines if line.startswith("m=")]
    if len(media) != 1 or (match := _MEDIA.fullmatch(media[0])) is None:
        raise _refused("it does not describe one data channel")
    values = _attributes(lines)
    fingerprints = tuple(
        value for name, value in _pairs(lines) if name == "fingerprint" and _is_fingerprint(value)
    )[:8]
    missing = {"ice-ufrag", "ice-pwd", "setup", "mid"} - values.keys()
    if missing or not fingerprints:
        raise _refused("something it needs is missing or malformed")
    if kind == "answer" and values["setup"] == "actpass":
        raise _refused("it leaves the DTLS role open")
    flags = {line.strip() for line in lines}
    candidates = tuple(_candidates(lines))
    legacy_port = match["format"] if match["format"].isdecimal() else "5000"
    return RemoteDescription(
        kind=kind,
        ufrag=values["ice-ufrag"],
        password=values["ice-pwd"],
        fingerprints=fingerprints,
        setup=values["setup"],
        mid=values["mid"],
        sctp_port=_port(values.get("sctp-port", legacy_port)),
        max_message=_max_message(values.get("max-message-size")),
        candidates=candidates,
        complete="a=end-of-candidates" in flags and bool(candidates),
        ice_lite="a=ice-lite" in flags,
    )


def candidates_of(sdp: str) -> tuple[RemoteCandidate, ...]:
    """Return the candidates of a description that could be used."""
    return tuple(_candidates(sdp.splitlines()))


def _refused(why: str) -> ChannelFailed:
    return ChannelFailed(f"A peer's connection description was refused: {why}.")


def _pairs(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        if line.startswith("a="):
            name, _, value = line[2:].partition(":")
            yield name, value.strip()


def _attributes(lines: list[str]) -> dict[str, str]:
    # A media section's value comes after the session's and overrides it (RFC 8866, section 5.13).
    return {
        name: value
        for name, value in _pairs(lines)
        if name in _ATTRIBUTES and _ATTRIBUTES[name].fullmatch(value)
    }


def _is_fingerprint(value: str) -> bool:
    return _FINGERPRINT.fullmatch(value) is not None


def _port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= 65535:
        raise _refused("its SCTP port is out of range")
    return port


def _max_message(text: str | None) -> int:
    # 0 means any size: our own limit applies then.
    size = int(text) if text else DEFAULT_MAX_MESSAGE
    if 0 < size < MIN_MAX_MESSAGE:
        raise _refused("it takes no messages of a useful size")
    return min(size, DEFAULT_MAX_MESSAGE) or DEFAULT_MAX_MESSAGE


def _candidates(lines: list[str]) -> Iterator[RemoteCandidate]:
    total = mdns = 0
    for name, value in _pairs(lines):
        if name != "candidate" or total >= MAX_CANDIDATES:
            continue
        candidate = _candidate(value)
        if candidate is None:
            continue
        if candidate.is_mdns:
            mdns += 1
            if mdns > MAX_MDNS:
                continue
        total += 1
        yield candidate


def _candidate(value: str) -> RemoteCandidate | None:
    match = _CANDIDATE.fullmatch(value)
    if match is None:
        return None
    candidate = RemoteCandidate(
        foundation=match["foundation"],
        priority=int(match["priority"]),
        host=match["host"],
        port=int(match["port"]),
        type=match["type"].lower(),
    )
    if not (1 <= candidate.port <= 65535 and 1 <= candidate.priority < 2**31):
        return None
    if candidate.is_mdns:
        return candidate if candidate.type == "host" else None
    try:
        address = ipaddress.ip_address(candidate.host)
    except ValueError:
        return None
    # One packet to such an address would reach many machines, or none.
    if address.is_multicast or address.is_unspecified or candidate.host == "255.255.255.255":
        return None
    return candidate
