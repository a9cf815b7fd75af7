"""The BitTorrent wire protocol, sans-IO: no socket, no clock, no disk."""
