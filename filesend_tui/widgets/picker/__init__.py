"""The parts of the file picker."""
