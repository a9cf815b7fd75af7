"""Which blocks to request from which peer, and pieces made of them. Pure but for assembly."""
