"""Widgets: know values, not screens; never hold a transfer's state."""
