"""Channels over TLS 1.3 with pinned certificates, whatever carries the bytes."""
