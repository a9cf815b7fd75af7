"""How files of a download come to where they go: over holes, by links, into folders that exist."""
