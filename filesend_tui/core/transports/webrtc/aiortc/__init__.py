"""WebRTC by aiortc: Python, everywhere."""
