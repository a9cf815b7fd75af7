"""Channels: bytes to one peer, and nothing about torrents."""
