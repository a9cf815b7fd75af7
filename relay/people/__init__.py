"""People on the relay: their words, and who is in a room with whom."""
