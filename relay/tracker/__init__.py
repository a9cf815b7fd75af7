"""The tracker: its sockets, and their frames."""
