"""People on the relay: their connections, and their words."""
