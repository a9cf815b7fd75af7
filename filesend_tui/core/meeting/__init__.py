"""Meeting: how the peers of a swarm find each other and get a channel."""
