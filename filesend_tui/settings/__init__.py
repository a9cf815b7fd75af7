"""Settings, read and written. Their effects live elsewhere."""
