"""The client's connection to a relay. Not what is said over it."""
