"""Developers' tools besides the tests: never installed, never imported by the product."""
