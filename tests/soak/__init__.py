"""What the suite checks, for much longer: `make soak`. Nothing here is collected by pytest."""
