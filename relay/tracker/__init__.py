"""The tracker: its sockets, and who is in which swarm."""
