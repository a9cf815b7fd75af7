"""Yardsticks to compare the product with. Each is its own process and imports nothing of it."""
