"""What any connection may cost before and below what it asks for. Nothing of what a relay does."""
