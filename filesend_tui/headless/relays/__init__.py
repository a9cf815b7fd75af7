"""The commands about a relay that runs: how it is, and its page as a file."""
