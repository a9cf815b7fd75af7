"""libdatachannel: whether it is installed, and functions that its binding lacks.

The binding is aiolibdatachannel (`pip install filesend-tui[fast]`). Of its two layers the lower one
is used, one callback for one of the C API's: the asyncio layer above it silently drops the oldest
of 1,024 unread messages, which corrupts a byte stream. If a wheel does not export the documented C
API (rtc/rtc.h) there is no native stack. No connection ever lives here.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.webrtc.ice import RELAYED, WEBRTC, not_a_server
from filesend_tui.core.util.figures import address_text

_PACKAGE: Final = "aiolibdatachannel"
#: Tested versions, as (year, month): the lower layer has no promise of stability.
_FIRST: Final = (2026, 10)
_AFTER: Final = (2028, 1)
_ADDRESS: Final = re.compile(r"candidate:\S+ 1 udp \d+ (?P<host>\S+) (?P<port>\d+)", re.IGNORECASE)
#: The subset of RFC 7064 and RFC 7065 that is accepted here.
_SERVER: Final = re.compile(r"(?:stuns?|turns?):[^/@?\s]+(?:\?transport=(?:udp|tcp))?")
_CANDIDATE_BYTES: Final = 512
#: Largest message that libdatachannel takes; it truncates a longer one. SCTP's window is as large.
MAX_MESSAGE: Final = 1024 * 1024
#: Initial size of SCTP's buffer. It gathers half of that of a message before it delivers what it
#: has, and each fragment takes 264 bytes, however small: with 1 MiB, 139 MB for one peer.
_GATHERED: Final = 64 * 1024


@cache
def installed() -> bool:
    """Return whether a tested version is installed; imports nothing of it."""
    from importlib import metadata

    try:
        version = metadata.version(_PACKAGE)
    except metadata.PackageNotFoundError:
        return False
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    return _FIRST <= numbers < _AFTER


def missing() -> ChannelFailed:
    """Return the error for settings that force the stack although it is not installed."""
    return ChannelFailed(
        "The native WebRTC stack is not installed.",
        "Install it with pip install 'filesend-tui[fast]' (Python 3.12 or later; not on Windows).",
    )


def obstacle(config: ClientConfig) -> ChannelFailed | None:
    """Return why libdatachannel cannot be used with these settings, None if it can."""
    if not installed():
        return missing()
    if config.relay_only:
        # It leaves other candidates out of its description, but still tries the peer's.
        return ChannelFailed(
            "The native WebRTC stack cannot promise relayed connections only.",
            "Let the program choose the stack: --webrtc auto.",
        )
    if any(_is_turn_over_tcp(server.urls) for server in config.ice_servers):
        return ChannelFailed(
            "The native WebRTC stack reaches TURN servers over UDP only.",
            "Let the program choose the stack: --webrtc auto.",
        )
    return None


def ice_urls(config: ClientConfig) -> list[str]:
    """Return the servers of the settings in libdatachannel's form, with user and password.

    Raises:
        ChannelFailed: A server's URL is invalid (RFC 7064, RFC 7065).
    """
    from aiolibdatachannel import IceServer

    urls = []
    for server in config.ice_servers:
        if not _SERVER.fullmatch(server.urls):
            raise not_a_server(server.urls)
        entry = IceServer(url=server.urls, username=server.username, credential=server.credential)
        urls.append(entry.to_url())
    return urls


def _is_turn_over_tcp(url: str) -> bool:
    return url.startswith("turns:") or (url.startswith("turn:") and "transport=tcp" in url)


@cache
def library() -> Any:
    """Return the C API, set up. Raises OSError, AttributeError or ImportError if there is none."""
    import ctypes

    from aiolibdatachannel import _native

    api = ctypes.CDLL(_native.__file__)
    text, number = ctypes.c_char_p, ctypes.c_int
    api.rtcGetSelectedCandidatePair.argtypes = [number, text, number, text, number]
    api.rtcGetDataChannelReliability.argtypes = [number, ctypes.c_void_p]
    # rtcSctpSettings: twelve numbers, 0 for the library's choice, of which this is the first.
    settings = (number * 12)(_GATHERED)
    api.rtcSetSctpSettings.argtypes = [ctypes.c_void_p]
    if api.rtcSetSctpSettings(settings) < 0:
        raise OSError("libdatachannel did not take its settings")
    return api


def chosen_path(connection: int) -> tuple[str, str] | None:
    """Return the road and the peer's address of a connection's chosen pair, None without one.

    Args:
        connection: Its handle.
    """
    import ctypes

    local = ctypes.create_string_buffer(_CANDIDATE_BYTES)
    remote = ctypes.create_string_buffer(_CANDIDATE_BYTES)
    got = library().rtcGetSelectedCandidatePair(connection, local, len(local), remote, len(remote))
    return path_of(local.value.decode(), remote.value.decode()) if got >= 0 else None


def path_of(local: str, remote: str) -> tuple[str, str] | None:
    """Return the road and the peer's address of a pair of candidates in SDP's form.

    Relayed when either end's candidate is a TURN server's.
    """
    match = _ADDRESS.search(remote)
    if match is None:
        return None
    address = address_text(match["host"], match["port"])
    relayed = " typ relay" in local or " typ relay" in remote
    return (RELAYED if relayed else WEBRTC), address


def is_byte_stream(data_channel: int) -> bool:
    """Return whether a data channel is ordered and reliable. data_channel: its handle."""
    import ctypes

    # rtcReliability: two bools, unordered and unreliable, and two numbers.
    reliability = ctypes.create_string_buffer(12)
    got = library().rtcGetDataChannelReliability(data_channel, reliability)
    return got >= 0 and reliability.raw[:2] == b"\0\0"
