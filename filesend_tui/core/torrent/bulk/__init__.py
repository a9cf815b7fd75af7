"""Transfer of whole pieces that bypasses the event loop, on channels that move bulk."""
