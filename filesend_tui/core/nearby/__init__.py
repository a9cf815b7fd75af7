"""Relays of others on the networks of this machine, found by mDNS: hints, and never identities."""
