"""The state of a relay on a Redis or Valkey server, which several processes share."""
