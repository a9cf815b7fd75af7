"""Small helpers that every package uses and that import none of them."""
