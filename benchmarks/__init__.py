"""Commands that measure; none of them is part of the test suite."""
