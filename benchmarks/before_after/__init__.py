"""The blocking originals of the request path beside ours, in one run: `make bench-before-after`."""
