"""Two homes behind routers of all kinds, and what gets through between them."""
