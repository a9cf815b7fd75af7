"""From one process of a relay to the connections of another: an interface, and what carries it."""
