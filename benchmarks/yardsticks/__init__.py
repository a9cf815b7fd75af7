"""What the product is measured beside. Each is a process of its own and imports nothing of it."""
