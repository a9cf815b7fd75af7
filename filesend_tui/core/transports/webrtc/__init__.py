"""WebRTC data channels, by either of two stacks."""
