"""Webhooks: who is told of what, and the outbox that keeps what is to be told."""
