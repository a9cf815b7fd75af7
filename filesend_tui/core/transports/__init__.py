"""Channels to one peer, and nothing about torrents. One package per kind of transport."""
