"""One request from asked to done: a table, its values and effects, and the code that runs them."""
