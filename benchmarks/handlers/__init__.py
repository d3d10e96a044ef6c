"""What the durable side costs."""
