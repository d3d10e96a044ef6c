"""Measures the figures that the lanes promise; `python -m benchmarks.lanes` runs them."""
