"""What a relay keeps, in the memory of one process."""
