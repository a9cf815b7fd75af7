"""Ends of a run that are no files: pipes for a stream, a terminal that is told."""
