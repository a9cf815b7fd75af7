"""Every bound of the relay in one place.

Nothing is counted here. The bounds of a single payload are beside the payload, in words.py and
tracker_frames.py.
"""

from __future__ import annotations

import msgspec

from relay.protocol import tracker_frames, words


class Rate(msgspec.Struct, frozen=True):
    """A rate limit: `burst` at once, `per_second` sustained."""

    burst: float
    per_second: float


def day_of(size: float) -> Rate:
    """Return the rate of so many pieces a day, all of them at once if need be."""
    return Rate(burst=size, per_second=size / 86_400)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of a relay.

    Times in seconds, sizes in bytes, rates in pieces a second. An address is one IPv4 address or
    one /64 of IPv6; a /56 may do twice and a /48 eight times as much (relay/guard/addresses.py).
    """

    sweep_every: float = 1.0
    closing_grace: float = 2.0

    # The guard: any connection, before and after its kind is known.
    max_connections: int = 8_000
    max_address_connections: int = 256
    #: Timeout for the head of a request, and for a connection to begin one.
    head_seconds: float = 10.0
    #: Timeout for the rest of a WebSocket message.
    message_seconds: float = 60.0
    max_frame: int = words.MAX_FRAME
    #: Memory for incomplete messages, and for unread ones to clients.
    max_held: int = 512 * 1024 * 1024
    max_address_held: int = 32 * 1024 * 1024
    socket_bytes: Rate = Rate(burst=16 * 1024 * 1024, per_second=1024 * 1024)
    address_bytes: Rate = Rate(burst=64 * 1024 * 1024, per_second=8 * 1024 * 1024)
    #: WebSocket frames of every kind, pings and fragments too.
    socket_frames: Rate = Rate(burst=1_000, per_second=200)
    address_frames: Rate = Rate(burst=4_000, per_second=500)
    #: HTTP requests, those for an upgrade too.
    address_requests: Rate = Rate(burst=500, per_second=50)
    #: Seconds of the event loop; an address that has used them up waits.
    address_loop_time: Rate = Rate(burst=1.0, per_second=0.25)
    #: How many addresses are remembered in every table of them.
    max_addresses: int = 20_000

    # People.
    max_people: int = 4_000
    max_address_people: int = 128
    #: Timeout for a socket without a person, new or left.
    arrival_seconds: float = 15.0
    max_nameplates: int = 4_000
    nameplate_lifetime: float = words.NAMEPLATE_LIFETIME
    #: How long an ended nameplate's number rests and its fate is kept, and how many do.
    remember: float = 10 * 60
    max_remembered: int = 60_000
    #: Rooms of one socket, whatever others have. The most that there can be take 40 MB.
    max_person_rooms: int = words.MAX_ROOMS
    place_lifetime: float = words.PLACE_LIFETIME
    #: Places that one socket waits at, one address, and everybody.
    max_person_places: int = words.MAX_PLACES
    max_address_places: int = 1_000
    max_places: int = 40_000
    #: Unsent bytes for one person, and for all; the longest backlog is dropped.
    max_backlog: int = 2 * words.MAX_FRAME
    max_all_backlogs: int = 256 * 1024 * 1024
    words: Rate = Rate(burst=500, per_second=100)
    #: Allocations and claims of one socket, and of one address.
    codes: Rate = Rate(burst=20, per_second=0.5)
    address_codes: Rate = Rate(burst=100, per_second=1)
    #: Claims of one address; and those that burned a code, found none, or are not proven yet.
    address_claims: Rate = Rate(burst=60, per_second=0.5)
    address_failed_claims: Rate = Rate(burst=10, per_second=1 / 30)
    #: Times that one socket, and one address, comes to a place.
    meets: Rate = Rate(burst=100, per_second=1)
    address_meets: Rate = Rate(burst=1_000, per_second=10)

    # The transit.
    #: Whether there is one.
    transit: bool = True
    #: Open ends, of everybody and of one address; a pipe has two.
    max_transit_ends: int = 500
    max_address_transit_ends: int = 32
    #: How long one end waits for the other.
    transit_wait: float = 30.0
    #: Bytes of one pipe, both ways together, and of all pipes.
    transit_pipe_bytes: Rate = Rate(burst=4 * 1024 * 1024, per_second=16 * 1024 * 1024)
    transit_bytes: Rate = Rate(burst=16 * 1024 * 1024, per_second=64 * 1024 * 1024)
    #: Bytes of the pipes of one address in a day: after a burst of as many, what a day gives.
    transit_day: Rate = day_of(20 * 10**9)

    # STUN.
    stun_requests: Rate = Rate(burst=2_000, per_second=500)
    address_stun_requests: Rate = Rate(burst=60, per_second=5)

    # The tracker.
    announce_interval: int = 120
    #: A peer that missed two announces is gone, even if its socket is not.
    peer_timeout: float = 3 * 120
    #: How long a socket may be in no swarm.
    tracker_idle: float = 60.0
    swarm_sweep_every: float = 15.0
    max_tracker_frame: int = tracker_frames.MAX_FRAME
    max_tracker_sockets: int = 4_000
    #: The send queue of one tracker socket, in frames and in characters; a slow reader is dropped.
    max_tracker_queue: int = 256
    max_tracker_backlog: int = 1024 * 1024
    tracker_frames: Rate = Rate(burst=500, per_second=50)
    #: Offers of one socket that are forwarded to others.
    tracker_offers: Rate = Rate(burst=1_000, per_second=50)
    max_swarms: int = 20_000
    max_swarm_peers: int = 1_000
    #: Memberships of everybody.
    max_peers: int = 100_000
    #: Memberships (swarm and peer id) of one socket, of one address, and of one address in a swarm.
    max_socket_peers: int = 500
    max_address_peers: int = 2_000
    max_address_swarm_peers: int = 200
