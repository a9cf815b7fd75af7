"""Further channels to the same peer, over which nothing but blocks travel."""
