"""Which blocks to ask for, of whom, and what becomes of them. Pure but for assembly."""
