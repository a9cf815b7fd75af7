"""FileSend: hand files to another person from a terminal."""

__version__ = "0.1.0"
