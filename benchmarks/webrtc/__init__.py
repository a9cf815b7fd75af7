"""A file transfer over WebRTC beside a bare aiortc data channel between the same two processes."""
