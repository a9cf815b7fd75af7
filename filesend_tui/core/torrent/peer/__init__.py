"""One peer: its wire, what it may cost, whom to serve."""
