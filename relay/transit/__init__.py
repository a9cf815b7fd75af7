"""The transit: pipes between two paired people."""
