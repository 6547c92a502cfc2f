"""What viewers buy."""
