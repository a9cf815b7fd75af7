"""What a relay keeps: interfaces, and each way of keeping it in a folder of its own."""
