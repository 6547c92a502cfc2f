"""Main's HTTP: what gateways hand on. Errors are ``{"error": {"code", "message", "field"?}}``."""
