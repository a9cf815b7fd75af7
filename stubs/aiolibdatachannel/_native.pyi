# The C API, of which ctypes finds the rest.
