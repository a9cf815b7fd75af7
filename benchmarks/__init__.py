"""Benchmarks: the product beside yardsticks, measured in the same run. Nothing imports this."""
