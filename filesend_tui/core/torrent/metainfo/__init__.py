"""Info dictionaries, links and file attributes: parsed and checked."""
