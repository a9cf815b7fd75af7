"""The state that a relay keeps: interfaces, and each implementation in a folder of its own."""
