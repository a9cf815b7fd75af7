"""Attacks, one module a kind; docs/security.md names them."""
