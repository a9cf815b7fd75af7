"""What opens on top of a place, and closes again: questions, lists, help, settings."""
