"""The figures that the emulator promises, one file a benchmark: `python -m benchmarks NAME …`."""
