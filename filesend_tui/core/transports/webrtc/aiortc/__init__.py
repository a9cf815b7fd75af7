"""WebRTC by aiortc: the stack in Python, available everywhere."""
