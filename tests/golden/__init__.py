"""A corpus of what real peers said, and its replay."""
