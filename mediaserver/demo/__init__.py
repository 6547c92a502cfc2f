"""The built-in host: a process of its own that publishes a self-made live picture over WHIP."""
