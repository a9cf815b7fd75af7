"""What shows how transfers and open shares are going."""
