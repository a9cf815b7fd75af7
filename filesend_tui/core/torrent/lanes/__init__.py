"""Further channels to the same peer, for blocks only."""
