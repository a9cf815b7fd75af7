"""TLS over TCP between two machines."""
