"""What one run sends to several people."""
