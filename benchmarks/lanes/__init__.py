"""The figures that the lanes promise, one file a benchmark: `python -m benchmarks NAME …`."""
