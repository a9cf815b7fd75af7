"""Transfer rates: measured and limited."""
