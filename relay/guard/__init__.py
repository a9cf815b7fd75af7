"""Limits on the cost of any connection, whatever it asks for. Nothing of what a relay does."""
