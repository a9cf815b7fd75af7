"""The tracker: its sockets, and what comes and goes over them."""
