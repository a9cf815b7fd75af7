"""Widgets: know values, not screens; never hold the truth about a transfer."""
