"""WebRTC data channels, by whichever stack is there."""
