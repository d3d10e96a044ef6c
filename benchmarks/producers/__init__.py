"""What the request path costs its process."""
