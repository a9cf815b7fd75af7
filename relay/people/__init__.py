"""People on the relay: their connections, and what they say."""
