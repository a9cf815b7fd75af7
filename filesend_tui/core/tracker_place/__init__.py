"""A WebTorrent tracker as a meeting place: pairing and sessions without a relay."""
