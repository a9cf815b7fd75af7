"""The core: everything but the faces. Never imports textual."""
