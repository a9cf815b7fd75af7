"""One request from asking to done: a table, its values and effects, and who carries them out."""
