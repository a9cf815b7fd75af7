"""The state of a relay in the memory of one process."""
