"""Bytes to one peer, and nothing about torrents. One package a kind."""
