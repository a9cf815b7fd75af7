"""The relayed road: TLS through a pipe of the relay's transit."""
