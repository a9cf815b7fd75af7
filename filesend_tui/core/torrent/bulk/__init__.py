"""Whole pieces past the event loop, on channels that move bulk."""
