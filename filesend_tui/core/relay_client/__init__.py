"""The client's connection to a relay. Not the meaning of its words."""
