"""One peer: its connection, its limits, choking."""
