"""Measurements of the product beside yardsticks taken in the same run. Nothing imports this."""
