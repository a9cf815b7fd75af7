"""How fast: measured and bounded."""
