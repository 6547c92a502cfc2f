"""What a show sells."""
