"""Peers, trackers and bytes that mean harm."""
