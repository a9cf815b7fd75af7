"""The tracker's words: JSON frames of bittorrent-tracker's WebSocket protocol, typed.

Shared by the relay's tracker and by the client's announcer. Pure: text in, values out. No socket
and no swarm ever lives here. Binary ids (`info_hash`, `peer_id`, `to_peer_id`, `offer_id`) are 20
bytes, on the wire a string of 20 code points U+0000 to U+00FF.
"""
